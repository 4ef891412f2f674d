//! `atrail console`: prints an address that logs a browser in.

use atrail_api::{ConsoleLink, paths};

use crate::client::{Call, Client, connect};
use crate::error::{CliError, Result};
use crate::printer::Format;
use crate::settings::Settings;

/// Print an address that logs a browser in, once
///
/// The address works once, within five minutes, and the browser may do what you may. Whoever has it before you use it is
/// you: do not pass it on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail console")]
pub(crate) struct Args {}

/// Asks for an address and prints it.
pub(crate) async fn run(settings: &Settings, _: Args) -> Result<()> {
    let client = connect(settings, false).await?;
    let made = link(&client).await?.ok_or_else(|| {
        CliError::failed("the server has no console")
            .hint("its operator can switch it on: [console] in its configuration")
    })?;
    match settings.printer.format {
        Format::Table => settings.printer.data(&format!("{}\n", made.link)),
        _ => settings
            .printer
            .properties(&[("link", made.link.clone())], &made),
    }
}

/// Returns an address that logs a browser in as the client's user; `None` when the server has no console.
pub(super) async fn link(client: &Client) -> Result<Option<ConsoleLink>> {
    let call = Call::post(paths::CONSOLE_LINKS).untargeted();
    client.json_if_there(call).await
}
