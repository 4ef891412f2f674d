//! `atrail admin api-key`.

use atrail_api::{
    ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyDelete, ApiKeysQuery, ErrorCode, KeyScope, paths,
};

use super::expiry::Expiry;
use super::role::place;
use super::verbs::{create, delete, find_account, list, show};
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
        atrail admin api-key create web-1 --user collector --space default --scope send --expires 90d")]
    Create {
        /// A name of your choice
        name: String,
        /// The user whose key it is; for owners of the account that the key is for [default: you]
        #[arg(long)]
        user: Option<String>,
        /// Bind the key to this space, by name or GUID: it works nowhere else
        #[arg(long)]
        space: Option<String>,
        /// Bind the key to this account, by name or GUID
        #[arg(long, conflicts_with = "space")]
        account: Option<String>,
        /// Scopes of the key, comma-separated: read, send, delete, manage; a bound key cannot manage [default: everything that its user may do, in its place]
        #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', value_parser = parse_scope)]
        scopes: Option<Vec<KeyScope>>,
        /// When the key expires: days (90 or 90d), hours (12h), or the last day (YYYY-MM-DD, UTC) [default: never]
        #[arg(long, value_name = "WHEN")]
        expires: Option<Expiry>,
    },
    /// List keys, without their secrets
    #[command(after_help = "Example:\n  atrail admin api-key list")]
    List {
        /// List the keys of this user: all for the server's operator, those bound to your account for you as its owner
        #[arg(long)]
        user: Option<String>,
        /// List the keys that are bound to this account, by name or GUID; for its owners
        #[arg(long)]
        account: Option<String>,
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
    "user",
    "create-time",
    "scopes",
    "account",
    "space",
    "expire-time",
    "use-time",
];

fn cells(key: &ApiKey) -> Vec<String> {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| word(*scope)).collect();
    let shown = |text: &Option<String>| text.clone().unwrap_or_default();
    // Without a bond, the place is only what a request means that names none.
    let place = |guid: &Option<String>| shown(&guid.clone().filter(|_| key.bound));
    vec![
        key.id.clone(),
        key.name.clone(),
        key.user.clone(),
        key.create_time.clone(),
        scopes.join(","),
        place(&key.account),
        place(&key.space),
        shown(&key.expire_time),
        shown(&key.use_time),
    ]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    let path = paths::API_KEYS;
    match command {
        Command::Create {
            name,
            user,
            space,
            account,
            scopes,
            expires,
        } => {
            let (account, space) = match (account, space) {
                (None, None) => (None, None),
                (account, space) => place(client, account, space).await?,
            };
            let now = settings.now();
            let expires_in = expires.map(|expiry| expiry.seconds(now)).transpose()?;
            let made =
                |key: &ApiKeyCreated| vec![key.id.clone(), key.name.clone(), key.key.clone()];
            let names = &["id", "name", "key"];
            let body = ApiKeyCreate {
                name,
                user,
                scopes,
                expires_in,
                account,
                space,
            };
            let of_other = body.user.is_some();
            let made = create(settings, client, path, &body, names, made).await;
            made.map_err(|error| match error.refusal() {
                Some(ErrorCode::NotFound) if of_other => error.hint(
                    "only a user with a role in the account can have a key there: `atrail admin role create` grants one, \
                     and an invited user has none before accepting",
                ),
                _ => error,
            })
        }
        Command::List { user, account } => {
            let account = match account {
                Some(name) => Some(find_account(client, Some(&name)).await?),
                None => None,
            };
            let call = Call::get(path).query(&ApiKeysQuery { user, account })?;
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
