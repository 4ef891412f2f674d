//! `atrail logout`: ends the login at the server and forgets its tokens; the context and its target stay.

use crate::client::{Endpoint, Server, revoke};
use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::state::Context;
use crate::trusted_keys;

/// End the login of the current context
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail logout")]
pub(crate) struct Args {}

/// Forgets the tokens in every case, and reports a failure to end the login at the server.
pub(crate) async fn run(settings: &Settings, _: Args) -> Result<()> {
    let Some((name, context)) = settings.context()? else {
        return Err(CliError::not_logged_in());
    };
    let was_logged_in = end_login(settings, &name, &context).await?;
    let endpoint = &context.endpoint;
    settings.printer.note(&if was_logged_in {
        format!("Logged out of {endpoint} (context {name})")
    } else {
        format!("Nobody was logged in to {endpoint} (context {name})")
    });
    Ok(())
}

/// Forgets the tokens of a context, then revokes its login at the server; returns `false` when there were no tokens.
pub(crate) async fn end_login(settings: &Settings, name: &str, context: &Context) -> Result<bool> {
    let locked = settings.state.lock_credentials(name)?;
    let credentials = locked.read()?;
    locked.remove()?;
    let Some(credentials) = credentials else {
        return Ok(false);
    };
    let trust = settings.trust(Some(context));
    trust.warn(&settings.printer);
    let endpoint: Endpoint = context.endpoint.parse()?;
    let known = trusted_keys::known_keys(settings, &endpoint, Some(context))?;
    let server = Server::new(endpoint, &trust, known)?;
    revoke(&server, &credentials.refresh_token)
        .await
        .map(|()| true)
        .map_err(|error| {
            error.hint("the tokens are forgotten here, but the server has not revoked the login: it ends there when it expires")
        })
}
