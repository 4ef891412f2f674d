//! `atrail admin token-key`.

use atrail_api::paths;
use serde::{Deserialize, Serialize};

use crate::client::{Call, Client};
use crate::error::Result;
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;

/// List and rotate the keys that sign access tokens
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin token-key list")]
pub(crate) enum Command {
    /// List the keys whose tokens are valid, the signing key first
    #[command(after_help = "Example:\n  atrail admin token-key list")]
    List,
    /// Make a new signing key; the previous key stays valid until its tokens expire, or until the next rotation
    #[command(after_help = "Example:\n  atrail admin token-key rotate")]
    Rotate,
}

/// A JWK set (RFC 7517 §5).
#[derive(Debug, Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Key {
    kid: String,
    alg: Option<String>,
    x: Option<String>,
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    let call = match command {
        Command::List => Call::get(paths::TOKEN_KEYS),
        Command::Rotate => Call::post(paths::TOKEN_KEYS),
    };
    let set: KeySet = client.json(call).await?;
    let names = ["Id", "Algorithm", "Public-key"];
    let mut rows = Rows::new(Layout::Plain, names.map(Column::verbatim).to_vec());
    for key in set.keys {
        let row = vec![
            key.kid.clone(),
            key.alg.clone().unwrap_or_default(),
            key.x.clone().unwrap_or_default(),
        ];
        rows.push(row, key);
    }
    rows.print(&settings.printer)
}
