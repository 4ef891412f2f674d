//! `atrail admin space`.

use atrail_api::{Relation, Relationships, Space, SpaceCreate, SpaceDelete, SpaceDeleted, paths};

use super::verbs::{create, find, list, show};
use crate::client::{Call, Client, find_organization};
use crate::commands::consent::Consent;
use crate::error::{CliError, Result};
use crate::printer::counted;
use crate::settings::Settings;

/// Make, list, show and delete spaces
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin space list")]
pub(crate) enum Command {
    /// Make a space
    #[command(after_help = "Example:\n  atrail admin space create dev --organization engineering")]
    Create {
        /// Unique in its organization
        name: String,
        /// The organization, by name or GUID; optional when one is targeted
        #[arg(long, visible_alias = "org")]
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
    /// Delete a space; asks first. Its events stay with the account, where -a reaches them
    #[command(
        after_help = "Example:\n  atrail admin space delete dev --dry-run\n  atrail admin space delete dev --yes"
    )]
    Delete {
        /// Its name or GUID
        name: String,
        /// Delete its events, too
        #[arg(long)]
        with_events: bool,
        /// Count its events, delete nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        consent: Consent,
    },
}

const NAMES: &[&str] = &["guid", "name", "organization", "account"];

fn cells(space: &Space) -> Vec<String> {
    let Relationships {
        organization,
        account,
    } = &space.relationships;
    let guid_of = |relation: &Option<Relation>| {
        let guid = relation.as_ref().map(|relation| relation.data.guid.clone());
        guid.unwrap_or_default()
    };
    vec![
        space.guid.clone(),
        space.name.clone(),
        guid_of(organization),
        guid_of(account),
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
        Command::List => {
            list(
                settings,
                client,
                Call::get(paths::SPACES),
                NAMES,
                cells,
                |_| true,
            )
            .await
        }
        Command::Show { name } => show(settings, client, paths::SPACES, &name, NAMES, cells).await,
        Command::Delete {
            name,
            with_events,
            dry_run,
            consent,
        } => {
            if !dry_run {
                consent.must_be_possible(settings, "; --dry-run counts only")?;
            }
            let space = find(client, paths::SPACES, &name, cells).await?;
            let ask = async |dry_run| request_deletion(client, &space, with_events, dry_run).await;
            if dry_run {
                return tell(settings, &ask(true).await?);
            }
            if !consent.yes {
                let held = ask(true).await?;
                let (events, fate) = (counted(held.events, "event"), fate(&held));
                let question = format!("space {}: {events} {fate}. Delete?", space.name);
                consent.ask(settings, &question).await?;
            }
            let deleted = ask(false).await?;
            settings.state.forget_target(&space.guid)?;
            tell(settings, &deleted)
        }
    }
}

async fn request_deletion(
    client: &Client,
    space: &Space,
    with_events: bool,
    dry_run: bool,
) -> Result<SpaceDeleted> {
    let how = SpaceDelete {
        with_events: with_events.then_some(true),
        dry_run: dry_run.then_some(true),
    };
    let path = format!("{}/{}", paths::SPACES, space.guid);
    client.json(Call::delete(path).query(&how)?).await
}

fn tell(settings: &Settings, deleted: &SpaceDeleted) -> Result<()> {
    let rows = [
        ("message", deleted.message.clone()),
        ("events", deleted.events.to_string()),
        ("size", deleted.size.to_string()),
        ("fate", fate(deleted).to_owned()),
    ];
    settings.printer.properties(&rows, deleted)
}

/// Describes what happens to the events.
const fn fate(deleted: &SpaceDeleted) -> &'static str {
    if deleted.with_events {
        "are deleted"
    } else {
        "stay with the account"
    }
}
