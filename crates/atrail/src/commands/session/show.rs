//! `atrail session show`: shows one session.

use super::word::SessionWord;
use crate::client::connect;
use crate::error::Result;
use crate::settings::Settings;

/// Show one session
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail session show 32c657c5-31c0-4a3c-a139-b380871c737a\n  atrail session show 32c6"
)]
pub(crate) struct Args {
    /// Id of the session, or the beginning of it; - for the last one made
    #[arg(value_name = "ID")]
    id: SessionWord,
}

/// Fetches and prints.
pub(super) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let client = connect(settings, false).await?;
    let id = args.id.resolve(settings, &client).await?;
    let session = super::one::fetch(&client, id).await?;
    super::one::print(settings, &client, &session).await
}
