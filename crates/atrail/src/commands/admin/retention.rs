//! `atrail admin retention`.

use atrail_api::{ClockState, RetentionState, paths};

use crate::client::{Call, Client};
use crate::error::Result;
use crate::settings::Settings;

/// Show whether retention waits because the server's clock jumped, and let it go on
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin retention show")]
pub(crate) enum Command {
    /// Show what the server's clock says, and up to which date the server knows time to have passed
    #[command(
        after_help = "Retention deletes nothing that is due later than either of the two. Where the clock is ahead, time catches up twice as \
        fast as it passes; `resume` believes the clock at once.\n\nExample:\n  atrail admin retention show"
    )]
    Show,
    /// Say that the server's clock is right: retention deletes by its date from now on
    #[command(
        after_help = "Look at the date first: what is due by it is deleted within minutes, for good. Sessions and logins do not end by it.\n\n\
        Example:\n  atrail admin retention show\n  atrail admin retention resume"
    )]
    Resume,
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    let call = match command {
        Command::Show => Call::get(paths::RETENTION),
        Command::Resume => Call::post(paths::RETENTION),
    };
    let state: RetentionState = client.json(call).await?;
    let word = match state.state {
        ClockState::Agrees => "agrees",
        ClockState::Ahead => "ahead",
        ClockState::Behind => "behind",
    };
    let rows = [
        ("clock", state.clock.clone()),
        ("passed", state.passed.clone()),
        ("state", word.to_owned()),
        ("seconds", state.seconds.to_string()),
    ];
    settings.printer.properties(&rows, &state)?;
    settings.printer.pass_on(state.note.as_deref());
    Ok(())
}
