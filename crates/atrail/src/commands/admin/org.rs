//! `atrail admin org`.

use atrail_api::{Organization, OrganizationCreate, Relation, Relationships, paths};

use super::verbs::{create, delete_found, find_account, list, show};
use crate::client::{Call, Client};
use crate::commands::consent::Consent;
use crate::error::Result;
use crate::settings::Settings;

/// Make, list, show and delete organizations
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin org list")]
pub(crate) enum Command {
    /// Make an organization
    #[command(after_help = "Example:\n  atrail admin org create engineering --account acme")]
    Create {
        /// Unique in its account
        name: String,
        /// The account, by name or GUID; optional when there is only one
        #[arg(long)]
        account: Option<String>,
    },
    /// List organizations
    #[command(after_help = "Example:\n  atrail admin org list")]
    List,
    /// Show one
    #[command(after_help = "Example:\n  atrail admin org show engineering")]
    Show {
        /// Its name or GUID
        name: String,
    },
    /// Delete an organization that has no spaces
    #[command(after_help = "Example:\n  atrail admin org delete engineering --yes")]
    Delete {
        /// Its name or GUID
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
}

const NAMES: &[&str] = &["guid", "name", "account"];

fn cells(organization: &Organization) -> Vec<String> {
    let account = organization.relationships.account.as_ref();
    vec![
        organization.guid.clone(),
        organization.name.clone(),
        account
            .map(|account| account.data.guid.clone())
            .unwrap_or_default(),
    ]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    match command {
        Command::Create { name, account } => {
            let account = find_account(client, account.as_deref()).await?;
            let relationships = Relationships {
                organization: None,
                account: Some(Relation::to(account)),
            };
            let body = OrganizationCreate {
                name,
                relationships,
            };
            create(settings, client, paths::ORGANIZATIONS, &body, NAMES, cells).await
        }
        Command::List => {
            list(
                settings,
                client,
                Call::get(paths::ORGANIZATIONS),
                NAMES,
                cells,
                |_| true,
            )
            .await
        }
        Command::Show { name } => {
            show(settings, client, paths::ORGANIZATIONS, &name, NAMES, cells).await
        }
        Command::Delete { name, consent } => {
            let wanted = (name.as_str(), consent);
            let fate = "";
            delete_found(settings, client, paths::ORGANIZATIONS, wanted, fate, cells).await
        }
    }
}
