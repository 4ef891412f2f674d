//! `atrail admin rotate-key`.

use atrail_api::{EvidenceKey, paths};

use crate::client::{Call, Client};
use crate::error::Result;
use crate::settings::Settings;

/// Sign evidence with a new key from now on; the old one endorses it in every log
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Evidence that was signed before stays valid. Clients that remember the old key follow the endorsement to the new one.\n\n\
    Example:\n  atrail admin rotate-key"
)]
pub(crate) struct Args {}

/// Rotates the key and prints the new one.
pub(super) async fn run(settings: &Settings, client: &Client, Args {}: Args) -> Result<()> {
    let made: EvidenceKey = client.json(Call::post(paths::KEYS)).await?;
    let rows = [("name", made.name.clone()), ("key", made.key.clone())];
    settings.printer.properties(&rows, &made)
}
