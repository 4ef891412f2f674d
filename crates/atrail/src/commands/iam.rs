//! `bx iam`: shows accounts, organizations and spaces as the original's tools did, for scripts that need a GUID.

use atrail_api::{Account, List, Organization, Space, paths};
use serde::Serialize;

use crate::client::{Call, Client, connect, find_organization, find_space};
use crate::error::Result;
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;

/// The requested list or object.
#[derive(Debug)]
pub(crate) enum Command {
    /// Every account that the caller may see.
    Accounts,
    /// Every organization that the caller may see.
    Organizations,
    /// Every space of the targeted organization, or every one that the caller may see.
    Spaces,
    /// One organization.
    Organization(One),
    /// One space, of the targeted organization if one is targeted.
    Space(One),
}

/// Which one, and how much of it.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// Its name or GUID
    name: String,
    /// Print only the GUID
    #[arg(long)]
    guid: bool,
}

/// Fetches and prints.
pub(crate) async fn run(settings: &Settings, command: Command) -> Result<()> {
    let client = connect(settings, false).await?;
    let targeted = client.target.organization.as_ref();
    let targeted = targeted.map(|organization| organization.guid.clone());
    match command {
        Command::Accounts => {
            let all: List<Account> = client.json(Call::get(paths::ACCOUNTS)).await?;
            list(settings, all, |one| (one.guid.clone(), one.name.clone()))
        }
        Command::Organizations => {
            let all: List<Organization> = client.json(Call::get(paths::ORGANIZATIONS)).await?;
            list(settings, all, |one| (one.guid.clone(), one.name.clone()))
        }
        Command::Spaces => {
            let all = spaces(&client, targeted).await?;
            list(settings, all, |one| (one.guid.clone(), one.name.clone()))
        }
        Command::Organization(wanted) => {
            let found = find_organization(&client, &wanted.name).await?;
            show(settings, &wanted, &found.guid, &found.name, &found)
        }
        Command::Space(wanted) => {
            let found = find_space(&client, targeted.as_deref(), &wanted.name).await?;
            show(settings, &wanted, &found.guid, &found.name, &found)
        }
    }
}

async fn spaces(client: &Client, organization: Option<String>) -> Result<List<Space>> {
    let query = atrail_api::NamesQuery {
        names: None,
        organization_guids: organization,
    };
    client.json(Call::get(paths::SPACES).query(&query)?).await
}

fn list<T: Serialize>(
    settings: &Settings,
    all: List<T>,
    shown: impl Fn(&T) -> (String, String),
) -> Result<()> {
    let mut rows = Rows::new(Layout::Plain, ["GUID", "Name"].map(Column::text).to_vec());
    for one in all.resources {
        let (guid, name) = shown(&one);
        rows.push(vec![guid, name], one);
    }
    rows.print(&settings.printer)
}

fn show(
    settings: &Settings,
    wanted: &One,
    guid: &str,
    name: &str,
    thing: &impl Serialize,
) -> Result<()> {
    if wanted.guid {
        // Scripts use the bare GUID: SPACE=$(bx iam space dev --guid).
        return settings.printer.answer(guid);
    }
    let rows = [("guid", guid.to_owned()), ("name", name.to_owned())];
    settings.printer.properties(&rows, thing)
}
