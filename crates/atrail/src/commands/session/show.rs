//! `atrail session show`: shows one session.

use atrail_model::SessionId;

use crate::client::connect;
use crate::error::Result;
use crate::settings::Settings;

/// Show one session
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail session show 32c657c5-31c0-4a3c-a139-b380871c737a")]
pub(crate) struct Args {
    /// Id of the session
    #[arg(value_name = "ID")]
    id: SessionId,
}

/// Fetches and prints.
pub(super) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let client = connect(settings, false).await?;
    super::one::print(settings, &super::one::fetch(&client, args.id).await?)
}
