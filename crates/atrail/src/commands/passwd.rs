//! `atrail passwd`: changes the user's own password.

use atrail_api::{PasswordChange, paths};

use super::secret;
use crate::client::{Call, connect};
use crate::error::Result;
use crate::settings::Settings;

/// Change your password
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail passwd")]
pub(crate) struct Args {
    /// Read two lines from standard input: the current password, then the new one
    #[arg(long)]
    password_stdin: bool,
}

/// Asks for the current and the new password, and changes it.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let client = connect(settings, false).await?;
    let (old, new) = if args.password_stdin {
        (secret::from_stdin().await?, secret::from_stdin().await?)
    } else {
        let missing = "--password-stdin";
        let old = secret::ask(settings, "Current password: ", missing).await?;
        (old, secret::ask_new(settings, missing).await?)
    };
    let call = Call::put_once(paths::PASSWORD).json(&PasswordChange { old, new })?;
    client.bytes(call).await?;
    settings
        .printer
        .note("Password changed; other logins by password have ended");
    Ok(())
}
