//! `atrail admin api-key`.

use atrail_api::{ApiKey, ApiKeyCreate, ApiKeyCreated, paths};

use super::{create, list};
use crate::client::Client;
use crate::error::Result;
use crate::settings::Settings;

/// Make and list your API keys
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin api-key list")]
pub(crate) enum Command {
    /// Make a key; this is the only time that it is shown
    #[command(after_help = "Example:\n  \
        (umask 077; atrail admin api-key create nightly --format jsonl | jq -r .key >key.txt)")]
    Create {
        /// What you call it
        name: String,
    },
    /// List keys, without their secrets
    #[command(after_help = "Example:\n  atrail admin api-key list")]
    List,
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    match command {
        Command::Create { name } => {
            let show =
                |key: &ApiKeyCreated| vec![key.id.clone(), key.name.clone(), key.key.clone()];
            let names = &["id", "name", "key"];
            let body = ApiKeyCreate { name };
            create(settings, client, paths::API_KEYS, &body, names, show).await
        }
        Command::List => {
            let show =
                |key: &ApiKey| vec![key.id.clone(), key.name.clone(), key.create_time.clone()];
            let names = &["id", "name", "create-time"];
            list(settings, client, paths::API_KEYS, names, show).await
        }
    }
}
