//! `atrail session`: manages frozen scopes for download.

mod create;
mod delete;
mod list;
mod one;
mod show;
mod since;
mod word;

use crate::error::Result;
use crate::settings::Settings;

pub(crate) use create::create;
pub(crate) use delete::end;
pub(crate) use one::{fetch, fetch_if_whole, manifest, receipt};
pub(crate) use since::Since;
pub(crate) use word::SessionWord;

/// Make, list, show and delete download sessions
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail session create --day yesterday")]
pub(crate) enum Command {
    Create(create::Args),
    List(list::Args),
    Show(show::Args),
    Delete(delete::Args),
}

/// Runs the command.
pub(crate) async fn run(settings: &Settings, command: Command) -> Result<()> {
    match command {
        Command::Create(args) => create::run(settings, args).await,
        Command::List(args) => list::run(settings, args).await,
        Command::Show(args) => show::run(settings, args).await,
        Command::Delete(args) => delete::run(settings, args).await,
    }
}
