//! `atrail admin space`.

use atrail_api::{Relation, Relationships, Space, SpaceCreate, paths};

use super::{create, list, show};
use crate::client::{Client, find_organization};
use crate::error::{CliError, Result};
use crate::settings::Settings;

/// Make, list and show spaces
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin space list")]
pub(crate) enum Command {
    /// Make a space
    #[command(after_help = "Example:\n  atrail admin space create dev --organization engineering")]
    Create {
        /// Unique in its organization
        name: String,
        /// The organization, by name or GUID; may be left out when one is targeted
        #[arg(long)]
        organization: Option<String>,
    },
    /// List spaces
    #[command(after_help = "Example:\n  atrail admin space list")]
    List,
    /// Show one
    #[command(after_help = "Example:\n  atrail admin space show dev")]
    Show {
        /// Its name or GUID
        name: String,
    },
}

const NAMES: &[&str] = &["guid", "name", "organization"];

fn cells(space: &Space) -> Vec<String> {
    let organization = space.relationships.organization.as_ref();
    vec![
        space.guid.clone(),
        space.name.clone(),
        organization
            .map(|o| o.data.guid.clone())
            .unwrap_or_default(),
    ]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    match command {
        Command::Create { name, organization } => {
            let organization = match (organization, &client.target.organization) {
                (Some(wanted), _) => find_organization(client, &wanted).await?.guid,
                (None, Some(targeted)) => targeted.guid.clone(),
                (None, None) => return Err(CliError::usage("missing: --organization ORG")),
            };
            let relationships = Relationships {
                organization: Some(Relation::to(organization)),
                account: None,
            };
            let body = SpaceCreate {
                name,
                relationships,
            };
            create(settings, client, paths::SPACES, &body, NAMES, cells).await
        }
        Command::List => list(settings, client, paths::SPACES, NAMES, cells).await,
        Command::Show { name } => show(settings, client, paths::SPACES, &name, NAMES, cells).await,
    }
}
