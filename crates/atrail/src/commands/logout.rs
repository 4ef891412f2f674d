//! `atrail logout`: forgets the tokens; the context and its target stay.

use crate::error::{CliError, Result};
use crate::settings::Settings;

/// Forget the login of the current context
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail logout")]
pub(crate) struct Args {}

/// Removes the credentials.
pub(crate) async fn run(settings: &Settings, _: Args) -> Result<()> {
    let Some((name, context)) = settings.context()? else {
        return Err(CliError::not_logged_in());
    };
    settings.state.lock_credentials(&name)?.remove()?;
    settings.printer.note(&format!(
        "Logged out of {} (context {name})",
        context.endpoint
    ));
    Ok(())
}
