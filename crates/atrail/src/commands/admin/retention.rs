//! `atrail admin retention`.

use atrail_api::{ClockState, RetentionState, paths};

use crate::client::{Call, Client};
use crate::error::Result;
use crate::settings::Settings;

/// Show whether retention waits after a jump of the server's clock, and resume it
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin retention show")]
pub(crate) enum Command {
    /// Show the server's clock, and the date up to which the server knows that time has passed
    #[command(
        after_help = "Retention deletes nothing that is due later than either of the two. When the clock is ahead, the date catches up twice \
        as fast as time passes; `resume` trusts the clock at once.\n\nExample:\n  atrail admin retention show"
    )]
    Show,
    /// Confirm that the server's clock is right: retention deletes by its date from now on
    #[command(
        after_help = "Check the date first: within minutes, retention permanently deletes everything that is due by it. Sessions and logins \
        do not end.\n\n\
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
