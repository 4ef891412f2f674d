//! `atrail admin account`.

use atrail_api::{Account, AccountCreate, paths};

use super::verbs::{create, delete_found, list, show};
use crate::client::{Call, Client};
use crate::commands::consent::Consent;
use crate::error::Result;
use crate::settings::Settings;

/// Make, list, show and delete accounts
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
    /// Delete an account that holds no organizations and no events
    #[command(after_help = "Example:\n  atrail admin account delete acme --yes")]
    Delete {
        /// Its name or GUID
        name: String,
        #[command(flatten)]
        consent: Consent,
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
        Command::List => {
            list(
                settings,
                client,
                Call::get(paths::ACCOUNTS),
                NAMES,
                cells,
                |_| true,
            )
            .await
        }
        Command::Show { name } => {
            show(settings, client, paths::ACCOUNTS, &name, NAMES, cells).await
        }
        Command::Delete { name, consent } => {
            let wanted = (name.as_str(), consent);
            let fate = "";
            delete_found(settings, client, paths::ACCOUNTS, wanted, fate, cells).await
        }
    }
}
