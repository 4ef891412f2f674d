//! `atrail admin migrate`.

use std::path::PathBuf;
use std::sync::Arc;

use atrail_server::migrate::{MigrationReport, MigrationStep, Rehearsal, Way, migrate, rehearse};
use serde::Serialize;

use crate::commands::serve;
use crate::embedded;
use crate::error::{CliError, Result};
use crate::printer::Progress;
use crate::settings::Settings;

/// Move a data directory to the database and the bucket of a cluster, or back into a new directory; no server may run
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("way").required(true),
    after_help = "Everything goes along: events, sessions, users, keys, and the signed history, which goes on in the other place. Afterwards the \
    old place is used no more. Until the last step it stays in use, and the same command continues what was interrupted.\n\n\
    Example:\n  atrail admin migrate --data /var/lib/atrail --config cluster.toml --dry-run\n  \
    atrail admin migrate --data /var/lib/atrail --config cluster.toml\n  \
    atrail admin migrate --config cluster.toml --into /var/lib/atrail-again"
)]
pub(crate) struct Args {
    /// The data directory to move to the cluster, on this machine
    #[arg(long, value_name = "DIR", group = "way")]
    data: Option<PathBuf>,
    /// The new data directory to move the cluster to
    #[arg(long, value_name = "DIR", group = "way")]
    into: Option<PathBuf>,
    /// The configuration of the cluster's nodes
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Say what would be moved, and whether the target is fit; change nothing
    #[arg(long)]
    dry_run: bool,
}

/// The report in JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Moved {
    place: String,
    was_done: bool,
    tables: u64,
    rows: u64,
    objects: u64,
    object_bytes: u64,
    copied_bytes: u64,
    index_files: u64,
    runs: u64,
    logs: u64,
}

/// The report of a dry run in JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Planned {
    place: String,
    objects: u64,
    object_bytes: u64,
    log_bytes: u64,
    obstacles: Vec<String>,
}

pub(super) async fn run(settings: &Settings, args: Args) -> Result<()> {
    crate::platform::keep_files_private();
    let Args {
        data,
        into,
        config,
        dry_run,
    } = args;
    let mut resolved = atrail_server::Settings::default();
    serve::read(&config)?.apply(&mut resolved);
    resolved.store.aws.0.clone_from(&settings.environment.aws);
    resolved.check().map_err(embedded::explain_setting)?;
    let cluster = resolved.store;
    let in_cluster = [&cluster.catalog, &cluster.archive];
    let in_cluster = in_cluster.map(|place| place.clone().unwrap_or_default());
    let (way, place) = match (data, into) {
        (Some(data_dir), _) => (
            Way::ToCluster { data_dir, cluster },
            in_cluster.join(" and "),
        ),
        (None, Some(into)) => {
            let place = into.display().to_string();
            (Way::ToDirectory { cluster, into }, place)
        }
        (None, None) => return Err(CliError::usage("give --data or --into")),
    };
    let from = match &way {
        Way::ToCluster { data_dir, .. } => data_dir.display().to_string(),
        Way::ToDirectory { .. } => "the cluster".to_owned(),
    };
    if dry_run {
        let rehearsed = rehearse(&way, &settings.environment.temp_dir).await;
        let rehearsed = rehearsed
            .map_err(|error| CliError::failed(format!("{from} cannot be moved")).because(error))?;
        return plan(settings, rehearsed);
    }
    let report = Box::pin(carry_out(settings, &way)).await;
    let report = report.map_err(|error| {
        CliError::failed(format!("the move of {from} has not ended")).because(error)
    })?;
    conclude(settings, place, report)
}

async fn carry_out(
    settings: &Settings,
    way: &Way,
) -> std::result::Result<MigrationReport, impl std::error::Error + Send + Sync + 'static> {
    let mut progress: Option<Progress> = None;
    let mut tell = |step| match step {
        MigrationStep::Table(..) => {}
        MigrationStep::Total(bytes) => {
            progress = Some(settings.printer.progress("copying objects", 0, bytes));
        }
        MigrationStep::Done(bytes) => {
            if let Some(progress) = &progress {
                progress.set(bytes);
            }
        }
        MigrationStep::Checking => {
            if let Some(progress) = progress.take() {
                progress.finish();
            }
            settings
                .printer
                .note("everything is copied; it is compared with the original");
        }
    };
    migrate(way, Arc::clone(&settings.clock), &mut tell).await
}

fn conclude(settings: &Settings, place: String, report: MigrationReport) -> Result<()> {
    let MigrationReport {
        was_done,
        rows,
        tables,
        objects,
        object_bytes,
        copied_bytes,
        index_files,
        runs,
        logs,
    } = report;
    if was_done {
        settings
            .printer
            .note("an earlier migration had copied everything: it has ended now");
    }
    let moved = Moved {
        place,
        was_done,
        tables,
        rows,
        objects,
        object_bytes,
        copied_bytes,
        index_files,
        runs,
        logs,
    };
    let rows = [
        ("place", moved.place.clone()),
        ("was-done", was_done.to_string()),
        ("tables", tables.to_string()),
        ("rows", rows.to_string()),
        ("objects", objects.to_string()),
        ("object-bytes", object_bytes.to_string()),
        ("copied-bytes", copied_bytes.to_string()),
        ("index-files", index_files.to_string()),
        ("runs", runs.to_string()),
        ("logs", logs.to_string()),
    ];
    settings.printer.properties(&rows, &moved)
}

fn plan(settings: &Settings, rehearsal: Rehearsal) -> Result<()> {
    let Rehearsal {
        place,
        objects,
        object_bytes,
        log_bytes,
        obstacles,
    } = rehearsal;
    let planned = Planned {
        place,
        objects,
        object_bytes,
        log_bytes,
        obstacles,
    };
    let rows = [
        ("place", planned.place.clone()),
        ("objects", objects.to_string()),
        ("object-bytes", object_bytes.to_string()),
        ("log-bytes", log_bytes.to_string()),
        ("obstacles", planned.obstacles.join("; ")),
    ];
    settings.printer.properties(&rows, &planned)?;
    if planned.obstacles.is_empty() {
        settings
            .printer
            .note("the migration would begin; nothing was changed");
        return Ok(());
    }
    Err(CliError::failed(format!(
        "the migration would be refused: {}",
        planned.obstacles.join("; ")
    )))
}
