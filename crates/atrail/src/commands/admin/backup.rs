//! `atrail admin backup`.

use std::path::PathBuf;

use atrail_care::{BackupReport, BackupStep, backup};
use serde::Serialize;

use crate::error::{CliError, Result};
use crate::printer::Progress;
use crate::settings::Settings;

/// Copy a data directory as of one moment; a server may run on it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The copy holds every event that was acknowledged before the start, and the command checks every byte of it. \
    To restore it, copy it to a place of its own and start a server there:\n  atrail serve --data COPY\n\n\
    Example:\n  atrail admin backup --data /var/lib/atrail /backup/atrail-2026-11-22\n  atrail admin backup --data /var/lib/atrail --update /backup/atrail"
)]
pub(crate) struct Args {
    /// Directory for the copy, new or empty
    dir: PathBuf,
    /// The data directory, on this machine
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Update the backup in DIR: check its objects and copy only the new ones
    #[arg(long)]
    update: bool,
}

/// The report in JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Made {
    directory: String,
    objects: u64,
    object_bytes: u64,
    copied_bytes: u64,
    log_bytes: u64,
    catalog_bytes: u64,
    damaged: u64,
}

pub(super) async fn run(settings: &Settings, args: Args) -> Result<()> {
    crate::platform::keep_files_private();
    let Args { dir, data, update } = args;
    let mut progress: Option<Progress> = None;
    let mut tell = |step| match step {
        BackupStep::Total(bytes) => {
            progress = Some(settings.printer.progress("copying objects", 0, bytes));
        }
        BackupStep::Done(bytes) => {
            if let Some(progress) = &progress {
                progress.set(bytes);
            }
        }
        BackupStep::Damaged(finding) => {
            let text = format!(
                "{} is damaged and not in the backup: {}",
                finding.path, finding.what
            );
            match &progress {
                Some(progress) => progress.warn(&text),
                None => settings.printer.warn(&text),
            }
        }
    };
    let report = backup(&data, &dir, update, &mut tell)
        .await
        .map_err(|error| {
            CliError::failed(format!("{} was not backed up", data.display())).because(error)
        })?;
    if let Some(progress) = progress.take() {
        progress.finish();
    }
    let BackupReport {
        objects,
        object_bytes,
        copied_bytes,
        log_bytes,
        catalog_bytes,
        damaged,
    } = report;
    let made = Made {
        directory: dir.display().to_string(),
        objects,
        object_bytes,
        copied_bytes,
        log_bytes,
        catalog_bytes,
        damaged,
    };
    let rows = [
        ("directory", made.directory.clone()),
        ("objects", objects.to_string()),
        ("object-bytes", object_bytes.to_string()),
        ("copied-bytes", copied_bytes.to_string()),
        ("log-bytes", log_bytes.to_string()),
        ("catalog-bytes", catalog_bytes.to_string()),
        ("damaged", damaged.to_string()),
    ];
    settings.printer.properties(&rows, &made)?;
    if damaged > 0 {
        return Err(CliError::failed(format!(
            "{damaged} objects are damaged and not in the backup; everything else is"
        ))
        .hint("restore them from an earlier backup to the same paths, and run this again with --update"));
    }
    Ok(())
}
