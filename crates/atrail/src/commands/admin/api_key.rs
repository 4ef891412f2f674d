//! `atrail admin api-key`.

use atrail_api::{ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyDelete, paths};

use super::{create, delete, list, show};
use crate::client::Client;
use crate::error::Result;
use crate::settings::Settings;

/// Make, list and end your API keys
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
    /// Show one key, without its secret
    #[command(after_help = "Example:\n  atrail admin api-key show nightly")]
    Show {
        /// Its id, or what you call it
        name: String,
    },
    /// End a key, and every login that came of it
    #[command(after_help = "Example:\n  atrail admin api-key delete 4bWc0XlV")]
    Delete {
        /// Its id, as `list` shows it
        id: String,
    },
}

const NAMES: &[&str] = &["id", "name", "create-time"];

fn cells(key: &ApiKey) -> Vec<String> {
    vec![key.id.clone(), key.name.clone(), key.create_time.clone()]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    let path = paths::API_KEYS;
    match command {
        Command::Create { name } => {
            let made =
                |key: &ApiKeyCreated| vec![key.id.clone(), key.name.clone(), key.key.clone()];
            let names = &["id", "name", "key"];
            let body = ApiKeyCreate { name };
            create(settings, client, path, &body, names, made).await
        }
        Command::List => list(settings, client, path, NAMES, cells).await,
        Command::Show { name } => show(settings, client, path, &name, NAMES, cells).await,
        Command::Delete { id } => delete(settings, client, path, &ApiKeyDelete { id }).await,
    }
}
