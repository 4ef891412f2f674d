//! The operations common to all kinds of things: create, list, show, find and delete.

use atrail_api::{Deleted, List, paths};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{Call, Client, Kind, Names, NamesOf, meant, nearest, only};
use crate::commands::consent::Consent;
use crate::error::{CliError, Result};
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;

/// Creates one thing and prints it.
pub(super) async fn create<T: Serialize + DeserializeOwned>(
    settings: &Settings,
    client: &Client,
    path: &str,
    body: &impl Serialize,
    names: &[&str],
    show: impl Fn(&T) -> Vec<String>,
) -> Result<()> {
    let made: T = client.json(Call::post(path).json(body)?).await?;
    print(settings, client, names, show(&made), &made).await
}

/// Lists the things of one kind that the filter selects.
pub(super) async fn list<T: Serialize + DeserializeOwned>(
    settings: &Settings,
    client: &Client,
    call: Call,
    names: &[&str],
    show: impl Fn(&T) -> Vec<String>,
    is_wanted: impl Fn(&T) -> bool,
) -> Result<()> {
    let all: List<T> = client.json(call).await?;
    let columns = names.iter().map(|name| Column::text(&capital(name)));
    let mut rows = Rows::new(Layout::Plain, columns.collect());
    let known = names_in(settings, client, names).await;
    for thing in all.resources.into_iter().filter(is_wanted) {
        rows.push(named(show(&thing), &known), thing);
    }
    rows.print(&settings.printer)
}

/// Prints the values of one thing, with names in place of GUIDs.
pub(super) async fn print<T: Serialize>(
    settings: &Settings,
    client: &Client,
    names: &[&str],
    cells: Vec<String>,
    thing: &T,
) -> Result<()> {
    let known = names_in(settings, client, names).await;
    let rows: Vec<_> = names.iter().copied().zip(named(cells, &known)).collect();
    settings.printer.properties(&rows, thing)
}

/// Fetches the names for the columns that hold GUIDs of other things.
async fn names_in(settings: &Settings, client: &Client, columns: &[&str]) -> Names {
    let kinds = columns.iter().filter_map(|column| match *column {
        "account" => Some(NamesOf::Accounts),
        "organization" => Some(NamesOf::Organizations),
        "space" => Some(NamesOf::Spaces),
        _ => None,
    });
    Names::fetch(settings, client, &kinds.collect::<Vec<_>>()).await
}

/// Shows names in place of GUIDs, except of the thing's own, which comes first.
fn named(cells: Vec<String>, known: &Names) -> Vec<String> {
    let cells = cells.into_iter().enumerate();
    cells
        .map(|(at, cell)| if at == 0 { cell } else { known.of(&cell) })
        .collect()
}

/// Shows the one thing of its kind with this name or id.
pub(super) async fn show<T: Serialize + DeserializeOwned>(
    settings: &Settings,
    client: &Client,
    path: &str,
    wanted: &str,
    names: &[&str],
    cells: impl Fn(&T) -> Vec<String>,
) -> Result<()> {
    let thing = find(client, path, wanted, &cells).await?;
    print(settings, client, names, cells(&thing), &thing).await
}

/// Returns the one thing of its kind with this name or id.
pub(super) async fn find<T: DeserializeOwned>(
    client: &Client,
    path: &str,
    wanted: &str,
    cells: impl Fn(&T) -> Vec<String>,
) -> Result<T> {
    let all: List<T> = client.json(Call::get(path)).await?;
    // Every kind shows its id first and its name second.
    let named = all
        .resources
        .into_iter()
        .map(|thing| (cells(&thing), thing));
    let cell = |row: &(Vec<String>, T), at: usize| row.0.get(at).cloned().unwrap_or_default();
    let found = meant(
        named.collect(),
        wanted,
        |row| cell(row, 0),
        |row| cell(row, 1),
    );
    // What a thing belongs to stands behind its name.
    let found = nearest(found, &client.target.places(), |(cells, _), place| {
        cells.iter().skip(2).any(|cell| cell == place)
    });
    let found = found.into_iter().map(|(_, thing)| thing).collect();
    only(found, kind_at(path), wanted)
}

/// Returns the kind of the things that this path lists.
fn kind_at(path: &str) -> Kind {
    match path {
        paths::ACCOUNTS => Kind::ACCOUNT,
        paths::ORGANIZATIONS => Kind::ORGANIZATION,
        paths::SPACES => Kind::SPACE,
        paths::USERS => Kind::new("user", "user"),
        paths::API_KEYS => Kind::new("API key", "api-key"),
        paths::INGEST_KEYS => Kind::new("ingest key", "ingest-key"),
        _ => Kind::new("thing", "help"),
    }
}

/// Asks, deletes the one thing of its kind with this name or id, and prints the server's message. `fate` says what the
/// deletion means: `with all its keys`.
pub(super) async fn delete_found<T: DeserializeOwned>(
    settings: &Settings,
    client: &Client,
    path: &str,
    (wanted, consent): (&str, Consent),
    fate: &str,
    cells: impl Fn(&T) -> Vec<String>,
) -> Result<()> {
    consent.must_be_possible(settings, "")?;
    let found = find(client, path, wanted, &cells).await?;
    // Every kind shows its id first and its name second.
    let mut shown = cells(&found).into_iter();
    let (id, name) = (
        shown.next().unwrap_or_default(),
        shown.next().unwrap_or_default(),
    );
    let kind = kind_at(path).word;
    let question = format!("{kind} {name}{fate} is deleted for ever. Delete?");
    consent.ask(settings, &question).await?;
    let call = Call::delete(format!("{path}/{id}"));
    let deleted: Deleted = client.json(call).await?;
    settings.state.forget_target(&id)?;
    settings
        .printer
        .properties(&[("message", deleted.message.clone())], &deleted)
}

/// Deletes something, and prints the server's message.
pub(super) async fn delete(
    settings: &Settings,
    client: &Client,
    path: &str,
    which: &impl Serialize,
    (consent, question): (Consent, &str),
) -> Result<()> {
    consent.ask(settings, question).await?;
    let deleted: Deleted = client.json(Call::delete(path).query(which)?).await?;
    settings
        .printer
        .properties(&[("message", deleted.message.clone())], &deleted)
}

/// Returns the account with this name or GUID; without a name, the targeted account, or else the only one.
pub(super) async fn find_account(client: &Client, name: Option<&str>) -> Result<String> {
    if let (None, Some(targeted)) = (name, &client.target.account) {
        return Ok(targeted.guid.clone());
    }
    let all: List<atrail_api::Account> = client.json(Call::get(paths::ACCOUNTS)).await?;
    let found = match name {
        None => all.resources,
        Some(name) => meant(
            all.resources,
            name,
            |one| one.guid.clone(),
            |one| one.name.clone(),
        ),
    };
    if let Some(name) = name {
        return only(found, Kind::ACCOUNT, name).map(|account| account.guid);
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(account), None) => Ok(account.guid),
        _ => Err(CliError::usage("missing: --account ACCOUNT").hint(
            "`atrail admin account list` shows them; `atrail target --account ACCOUNT` chooses one",
        )),
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
