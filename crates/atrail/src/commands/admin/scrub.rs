//! `atrail admin scrub`.

use std::path::PathBuf;

use atrail_care::{Finding, ScrubOptions, ScrubReport, ScrubStep, scrub};
use indicatif::BinaryBytes;
use serde::Serialize;

use crate::error::{CliError, Result};
use crate::printer::{Column, Layout, Progress, Rows};
use crate::settings::Settings;

/// Check everything in a data directory for damage; a server may run on it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Reads the catalog, the log, every object to its last line, and the search index, and changes nothing. Exit code 0 \
    when all of them are sound, or only files of the search index are not, which the server makes anew; exit code 1 \
    otherwise. There is a row for each file that is not sound.\n\n\
    Example:\n  atrail admin scrub --data /var/lib/atrail\n  atrail admin scrub --data /var/lib/atrail --rate 50 --format jsonl"
)]
pub(crate) struct Args {
    /// The data directory, on this machine
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Read at most this many MiB per second [default: no limit]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: Option<u64>,
}

/// A row in JSON.
#[derive(Debug, Serialize)]
struct Row {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Option<u8>,
    what: String,
}

/// Rows that are listed; the rest are only counted. Nobody reads that many, and each takes memory.
const MAX_ROWS: usize = 10_000;

pub(super) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let mut options = ScrubOptions {
        bytes_per_second: args.rate.map(|mib| mib << 20),
        temp_dir: settings.environment.temp_dir.clone(),
        ..ScrubOptions::default()
    };
    options.aws.0.clone_from(&settings.environment.aws);
    let columns = ["Path", "Day", "Hour", "Domain", "What"].map(Column::text);
    let mut rows = Rows::new(Layout::Plain, columns.to_vec());
    let mut shown = 0;
    let mut progress: Option<Progress> = None;
    let mut tell = |step| match step {
        ScrubStep::Total(bytes) => {
            progress = Some(settings.printer.progress("checking objects", 0, bytes));
        }
        ScrubStep::Read(bytes) => {
            if let Some(progress) = &progress {
                progress.set(bytes);
            }
        }
        ScrubStep::Found(finding) => {
            shown += 1;
            if shown <= MAX_ROWS {
                let row = row(finding);
                rows.push(cells(&row), row);
            }
        }
    };
    let done = scrub(&args.data, options, &mut tell).await;
    if let Some(progress) = progress.take() {
        progress.finish();
    }
    if shown > 0 || settings.printer.format != crate::printer::Format::Table {
        rows.print(&settings.printer)?;
    }
    let report = done.map_err(|error| {
        CliError::failed(format!("{} cannot be checked in full", args.data.display()))
            .because(error)
    })?;
    conclude(settings, &report)
}

fn conclude(settings: &Settings, report: &ScrubReport) -> Result<()> {
    let ScrubReport {
        objects,
        object_bytes,
        events,
        log_files,
        log_frames,
        index_files,
        findings,
        repairable,
        beside_server,
    } = *report;
    let beside = if beside_server {
        ", beside a running server"
    } else {
        ""
    };
    settings.printer.note(&format!(
        "checked {objects} objects ({}) with {events} sound events, and {log_frames} frames in {log_files} log files, \
        and {index_files} files of the search index{beside}",
        BinaryBytes(object_bytes)
    ));
    if repairable > 0 {
        settings.printer.note(&format!(
            "{repairable} faults of the search index affect no event: the server makes its files anew"
        ));
    }
    if findings == 0 {
        let except = if repairable > 0 { " else" } else { "" };
        settings
            .printer
            .note(&format!("everything{except} is sound"));
        return Ok(());
    }
    let more = if findings > MAX_ROWS as u64 {
        format!("; the first {MAX_ROWS} are shown")
    } else {
        String::new()
    };
    Err(
        CliError::failed(format!("faults found: {findings}{more}")).hint(
            "restore damaged objects from a backup to the same path; docs/OPERATIONS.md says more",
        ),
    )
}

fn row(finding: Finding) -> Row {
    let Finding {
        path,
        domain,
        day,
        hour,
        what,
        // It says so.
        is_repairable: _,
    } = finding;
    Row {
        path,
        domain: domain.map(|domain| domain.to_string()),
        day: day.map(|day| day.to_string()),
        hour: hour.map(|hour| hour.number()),
        what,
    }
}

fn cells(row: &Row) -> Vec<String> {
    vec![
        row.path.clone(),
        row.day.clone().unwrap_or_default(),
        row.hour
            .map(|hour| format!("{hour:02}"))
            .unwrap_or_default(),
        row.domain.clone().unwrap_or_default(),
        row.what.clone(),
    ]
}
