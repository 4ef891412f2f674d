//! `atrail admin recover`.

use std::path::PathBuf;

use atrail_care::{RecoverReport, RecoverStep, RecoveredDomain, recover};
use serde::Serialize;

use crate::error::{CliError, Result};
use crate::printer::{Column, Layout, Progress, Rows};
use crate::settings::Settings;

/// Rebuild a lost catalog from the archive and the log; no server may run
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Use it when there is no backup. It recovers every object that is sound to its last line. It does not recover \
    users, roles, API keys, sessions and retention, nor the names of accounts, organizations and spaces, which get new names. \
    It moves the old catalog aside, if there is one, and never removes it. Exit code 1 when it had to leave files outside.\n\n\
    Example:\n  atrail admin recover --data /var/lib/atrail"
)]
pub(crate) struct Args {
    /// The data directory, on this machine
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Move the old catalog aside even if it can still be read
    #[arg(long)]
    force: bool,
}

/// A row in JSON.
#[derive(Debug, Serialize)]
struct Row {
    domain: String,
    name: String,
    account: String,
    objects: u64,
    events: u64,
}

pub(super) async fn run(settings: &Settings, args: Args) -> Result<()> {
    crate::platform::keep_files_private();
    let mut progress: Option<Progress> = None;
    let mut tell = |step| match step {
        RecoverStep::Total(bytes) => {
            progress = Some(settings.printer.progress("reading objects", 0, bytes));
        }
        RecoverStep::Read(bytes) => {
            if let Some(progress) = &progress {
                progress.set(bytes);
            }
        }
        RecoverStep::Left(finding) => {
            let text = format!("left outside: {}: {}", finding.path, finding.what);
            match &progress {
                Some(progress) => progress.warn(&text),
                None => settings.printer.warn(&text),
            }
        }
    };
    let report = recover(&args.data, args.force, &*settings.clock, &mut tell).await;
    let report = report.map_err(|error| {
        CliError::failed(format!("{} was not recovered", args.data.display())).because(error)
    })?;
    if let Some(progress) = progress.take() {
        progress.finish();
    }
    print(settings, report)
}

fn print(settings: &Settings, report: RecoverReport) -> Result<()> {
    let RecoverReport {
        domains,
        log_events,
        left,
        superseded,
        moved_aside,
    } = report;
    let columns = [
        Column::text("Domain"),
        Column::text("Name"),
        Column::text("Account"),
        Column::number("Objects"),
        Column::number("Events"),
    ];
    let mut rows = Rows::new(Layout::Plain, columns.to_vec());
    for domain in domains {
        let row = row(domain);
        let cells = vec![
            row.domain.clone(),
            row.name.clone(),
            row.account.clone(),
            row.objects.to_string(),
            row.events.to_string(),
        ];
        rows.push(cells, row);
    }
    rows.print(&settings.printer)?;
    let printer = &settings.printer;
    if let Some(path) = moved_aside {
        printer.note(&format!("the old catalog is now {}", path.display()));
    }
    if superseded > 0 {
        printer.note(&format!(
            "{superseded} objects were left outside, because other objects hold the same segments"
        ));
    }
    printer.note(&format!(
        "{log_events} events are only in the log: the server adds them at its next start"
    ));
    printer.note(
        "the server makes a first user at its next start; grant roles again, by GUID where the name is lost",
    );
    if left > 0 {
        return Err(CliError::failed(format!(
            "{left} files were left outside; everything else is recovered"
        ))
        .hint("the lines above say which and why; `atrail admin scrub` lists them, too"));
    }
    Ok(())
}

fn row(domain: RecoveredDomain) -> Row {
    let RecoveredDomain {
        domain,
        account,
        name,
        objects,
        events,
    } = domain;
    Row {
        domain: domain.to_string(),
        name,
        account: account.to_string(),
        objects,
        events,
    }
}
