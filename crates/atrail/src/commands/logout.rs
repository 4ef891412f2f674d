//! `atrail logout`: ends the login at the server and forgets its tokens; the context and its target stay.

use crate::client::{build_http, revoke};
use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::state::Context;

/// End the login of the current context
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail logout")]
pub(crate) struct Args {}

/// Forgets the tokens whatever the server says, and reports when it did not end the login.
pub(crate) async fn run(settings: &Settings, _: Args) -> Result<()> {
    let Some((name, context)) = settings.context()? else {
        return Err(CliError::not_logged_in());
    };
    end_login(settings, &name, &context).await?;
    settings.printer.note(&format!(
        "Logged out of {} (context {name})",
        context.endpoint
    ));
    Ok(())
}

/// Forgets the tokens of a context, then tells the server that its login has ended.
pub(crate) async fn end_login(settings: &Settings, name: &str, context: &Context) -> Result<()> {
    let locked = settings.state.lock_credentials(name)?;
    let credentials = locked.read()?;
    locked.remove()?;
    let Some(credentials) = credentials else {
        return Ok(());
    };
    let trust = settings.trust(Some(context));
    trust.warn(&settings.printer);
    let endpoint = context.endpoint.parse()?;
    let http = build_http(&endpoint, &trust)?;
    revoke(&http, &endpoint, &credentials.refresh_token)
        .await
        .map_err(|error| {
            error.hint("the tokens are forgotten here, but the server was not told: the login ends there when it expires")
        })
}
