//! `atrail session delete`: ends a session; its events stay.

use atrail_api::{Deleted, paths};
use atrail_model::SessionId;

use super::word::SessionWord;
use crate::client::{Call, Client, connect};
use crate::commands::consent::Consent;
use crate::error::Result;
use crate::settings::Settings;
use crate::tool::Spelling;

/// End a session; asks first at a terminal, and the events stay
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail session delete 32c657c5-31c0-4a3c-a139-b380871c737a\n  atrail session delete -"
)]
pub(crate) struct Args {
    /// Id of the session, or the beginning of it; - for the last one made
    #[arg(value_name = "ID")]
    id: SessionWord,
    #[command(flatten)]
    consent: Consent,
}

/// Ends a session and prints the server's message.
pub(super) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let client = connect(settings, false).await?;
    let id = args.id.resolve(settings, &client).await?;
    // The original did not ask.
    if settings.spelling == Spelling::Own {
        let question = format!("session {id} ends, and its events stay. Delete it?");
        args.consent.ask(settings, &question).await?;
    }
    let deleted = end(&client, id).await?;
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
