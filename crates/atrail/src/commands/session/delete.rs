//! `atrail session delete`: ends a session; its events stay.

use atrail_api::{Deleted, paths};
use atrail_model::SessionId;

use crate::client::{Call, Client, connect};
use crate::error::Result;
use crate::settings::Settings;

/// End a session; the events stay
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail session delete 32c657c5-31c0-4a3c-a139-b380871c737a")]
pub(crate) struct Args {
    /// Id of the session
    #[arg(value_name = "ID")]
    id: SessionId,
}

/// Ends a session and prints the server's message.
pub(super) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let client = connect(settings, false).await?;
    let deleted = end(&client, args.id).await?;
    settings
        .printer
        .properties(&[("message", deleted.message.clone())], &deleted)
}

/// Ends a session.
pub(crate) async fn end(client: &Client, id: SessionId) -> Result<Deleted> {
    client
        .json(Call::delete(super::one::path(paths::SESSION, id)))
        .await
}
