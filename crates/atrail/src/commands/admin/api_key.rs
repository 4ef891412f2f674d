//! `atrail admin api-key`.

use atrail_api::{
    ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyDelete, ApiKeysQuery, KeyScope, paths,
};

use super::verbs::{create, delete, list, show};
use crate::client::{Call, Client};
use crate::commands::consent::Consent;
use crate::error::Result;
use crate::settings::Settings;

/// Make, list, show and revoke API keys
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin api-key list")]
pub(crate) enum Command {
    /// Make a key; this is the only time that it is shown
    #[command(after_help = "Example:\n  \
        (umask 077; atrail admin api-key create nightly --format jsonl | jq -r .key >key.txt)\n  \
        atrail admin api-key create collector --scope send --expires 90")]
    Create {
        /// A name of your choice
        name: String,
        /// Scopes of the key, comma-separated [default: everything that you may do]
        #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', value_parser = parse_scope)]
        scopes: Option<Vec<KeyScope>>,
        /// Days until the key expires
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3650))]
        expires: Option<u64>,
    },
    /// List keys, without their secrets
    #[command(after_help = "Example:\n  atrail admin api-key list")]
    List {
        /// List the keys of this user; for the server's operator
        #[arg(long)]
        user: Option<String>,
    },
    /// Show one key, without its secret
    #[command(after_help = "Example:\n  atrail admin api-key show nightly")]
    Show {
        /// Its id or name
        name: String,
    },
    /// Revoke a key, and every login made with it
    #[command(after_help = "Example:\n  atrail admin api-key delete 4bWc0XlV")]
    Delete {
        /// Its id, as `list` shows it
        id: String,
        #[command(flatten)]
        consent: Consent,
    },
}

const NAMES: &[&str] = &[
    "id",
    "name",
    "create-time",
    "scopes",
    "expire-time",
    "use-time",
];

fn cells(key: &ApiKey) -> Vec<String> {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| word(*scope)).collect();
    let shown = |time: &Option<String>| time.clone().unwrap_or_default();
    vec![
        key.id.clone(),
        key.name.clone(),
        key.create_time.clone(),
        scopes.join(","),
        shown(&key.expire_time),
        shown(&key.use_time),
    ]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    let path = paths::API_KEYS;
    match command {
        Command::Create {
            name,
            scopes,
            expires,
        } => {
            let made =
                |key: &ApiKeyCreated| vec![key.id.clone(), key.name.clone(), key.key.clone()];
            let names = &["id", "name", "key"];
            let body = ApiKeyCreate {
                name,
                scopes,
                expires_in: expires.map(|days| days * SECONDS_OF_A_DAY),
                // No limit: the key works wherever its user holds roles.
                account: None,
                space: None,
            };
            create(settings, client, path, &body, names, made).await
        }
        Command::List { user } => {
            let call = Call::get(path).query(&ApiKeysQuery { user })?;
            list(settings, client, call, NAMES, cells, |_| true).await
        }
        Command::Show { name } => show(settings, client, path, &name, NAMES, cells).await,
        Command::Delete { id, consent } => {
            let question =
                format!("API key {id} is revoked with every login made with it. Delete it?");
            delete(
                settings,
                client,
                path,
                &ApiKeyDelete { id },
                (consent, &question),
            )
            .await
        }
    }
}

const SECONDS_OF_A_DAY: u64 = 86_400;

/// Parses a scope by its name on the wire.
fn parse_scope(text: &str) -> Result<KeyScope, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "expected read, send, delete or manage".to_owned())
}

fn word(scope: KeyScope) -> String {
    let word = serde_json::to_value(scope).ok();
    word.as_ref()
        .and_then(|word| word.as_str())
        .unwrap_or_default()
        .to_owned()
}
