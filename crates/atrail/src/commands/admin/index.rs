//! `atrail admin index`.

use std::time::Duration;

use atrail_api::{IndexCare, IndexCareKind, IndexRequest, IndexState, paths};

use crate::client::{Call, Client};
use crate::error::{CliError, Result};
use crate::printer::{Column, Format, Layout, Rows, counted, grouped, size};
use crate::settings::Settings;

/// Show, check and rebuild the search index of a running server
///
/// The index only makes searches fast: without it, they read the events themselves. The server makes it in the
/// background, and makes damaged files anew.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin index show\n  atrail admin index verify")]
pub(crate) enum Command {
    /// Show what waits for the index
    #[command(after_help = "Example:\n  atrail admin index show")]
    Show,
    /// Read every file of the index to its end; damaged files are made anew
    #[command(
        after_help = "Prints a row for each damaged file, and exits with 1 when there is one. The server goes on when this command is \
        interrupted.\n\nExample:\n  atrail admin index verify"
    )]
    Verify,
    /// Make the whole index anew
    #[command(
        after_help = "Searches read the events themselves meanwhile, which takes longer. The server goes on when this command is \
        interrupted.\n\nExample:\n  atrail admin index rebuild"
    )]
    Rebuild,
}

/// How often the server is asked whether it is done.
const ASKED_EVERY: Duration = Duration::from_millis(500);

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    let care = match command {
        Command::Show => None,
        Command::Verify => Some(IndexCareKind::Verify),
        Command::Rebuild => Some(IndexCareKind::Rebuild),
    };
    let state: IndexState = match care {
        None => client.json(Call::get(paths::INDEX)).await?,
        Some(care) => completed(client, care).await?,
    };
    match (care, &state.care) {
        (Some(IndexCareKind::Verify), Some(done)) => verified(settings, done),
        (
            Some(_),
            Some(IndexCare {
                error: Some(error), ..
            }),
        ) => Err(CliError::failed("the index could not be rebuilt").because(error.clone())),
        _ => {
            let rows = [
                ("waiting-days", state.waiting_days.to_string()),
                ("failing-days", state.failing_days.to_string()),
                ("waiting-seconds", state.waiting_seconds.to_string()),
            ];
            settings.printer.properties(&rows, &state)
        }
    }
}

/// Has it done, and waits until it is.
async fn completed(client: &Client, care: IndexCareKind) -> Result<IndexState> {
    // A second request while it goes on begins nothing more.
    let call = Call::post_to_read(paths::INDEX).json(&IndexRequest { care })?;
    let mut state: IndexState = client.json(call).await?;
    loop {
        match &state.care {
            Some(last) if last.care != care => {
                return Err(CliError::failed("the index is in another's care")
                    .hint("wait until it is done: `atrail admin index show`"));
            }
            Some(last) if last.is_running => tokio::time::sleep(ASKED_EVERY).await,
            Some(_) => return Ok(state),
            None => {
                return Err(CliError::failed("the server was started again meanwhile")
                    .hint("run the same command again"));
            }
        }
        state = client.json(Call::get(paths::INDEX)).await?;
    }
}

fn verified(settings: &Settings, done: &IndexCare) -> Result<()> {
    let printer = &settings.printer;
    let mut rows = Rows::new(Layout::Plain, ["Path", "What"].map(Column::text).to_vec());
    for damaged in &done.damaged {
        rows.push(vec![damaged.path.clone(), damaged.what.clone()], damaged);
    }
    if !done.damaged.is_empty() || printer.format != Format::Table {
        rows.print(printer)?;
    }
    printer.note(&format!(
        "sound files of the index: {}, with {} and {}",
        grouped(done.files),
        size(done.size_bytes),
        counted(done.events, "event")
    ));
    if let Some(error) = &done.error {
        return Err(CliError::failed("the index could not be checked").because(error.clone()));
    }
    match done.damaged.len() as u64 {
        0 => Ok(()),
        count => Err(CliError::failed(format!(
            "damaged files of the index: {}; the server makes them anew",
            grouped(count)
        ))
        .hint("searches stay right meanwhile: they read the events themselves")),
    }
}
