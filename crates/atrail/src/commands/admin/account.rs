//! `atrail admin account`.

use atrail_api::{Account, AccountCreate, paths};

use super::{create, list, show};
use crate::client::Client;
use crate::error::Result;
use crate::settings::Settings;

/// Make, list and show accounts
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin account list")]
pub(crate) enum Command {
    /// Make an account
    #[command(after_help = "Example:\n  atrail admin account create acme")]
    Create {
        /// Unique on the server
        name: String,
    },
    /// List accounts
    #[command(after_help = "Example:\n  atrail admin account list")]
    List,
    /// Show one
    #[command(after_help = "Example:\n  atrail admin account show acme")]
    Show {
        /// Its name or GUID
        name: String,
    },
}

const NAMES: &[&str] = &["guid", "name"];

fn cells(account: &Account) -> Vec<String> {
    vec![account.guid.clone(), account.name.clone()]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    match command {
        Command::Create { name } => {
            let body = AccountCreate { name };
            create(settings, client, paths::ACCOUNTS, &body, NAMES, cells).await
        }
        Command::List => list(settings, client, paths::ACCOUNTS, NAMES, cells).await,
        Command::Show { name } => {
            show(settings, client, paths::ACCOUNTS, &name, NAMES, cells).await
        }
    }
}
