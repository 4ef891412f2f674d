//! The operations common to all kinds of things: create, list, show, find and delete.

use atrail_api::{Deleted, List};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{Call, Client, meant};
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
    let rows: Vec<_> = names.iter().copied().zip(show(&made)).collect();
    settings.printer.properties(&rows, &made)
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
    for thing in all.resources.into_iter().filter(is_wanted) {
        rows.push(show(&thing), thing);
    }
    rows.print(&settings.printer)
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
    let rows: Vec<_> = names.iter().copied().zip(cells(&thing)).collect();
    settings.printer.properties(&rows, &thing)
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
    let mut found = found.into_iter().map(|(_, thing)| thing);
    match (found.next(), found.next()) {
        (Some(thing), None) => Ok(thing),
        (None, _) => Err(CliError::failed(format!(
            "there is nothing called {wanted:?} that you may see"
        ))
        .hint("run `list` in place of `show` to see all")),
        (Some(_), Some(_)) => Err(CliError::usage(format!("{wanted:?} names more than one"))
            .hint("give the id in place of the name; run `list` in place of `show` to see both")),
    }
}

/// Deletes the one thing of its kind with this name or id, and prints the server's message.
pub(super) async fn delete_found<T: DeserializeOwned>(
    settings: &Settings,
    client: &Client,
    path: &str,
    wanted: &str,
    cells: impl Fn(&T) -> Vec<String>,
) -> Result<()> {
    let found = find(client, path, wanted, &cells).await?;
    let id = cells(&found).swap_remove(0);
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
) -> Result<()> {
    let deleted: Deleted = client.json(Call::delete(path).query(which)?).await?;
    settings
        .printer
        .properties(&[("message", deleted.message.clone())], &deleted)
}

/// Returns the account with this name or GUID; without a name, the only account.
pub(super) async fn find_account(client: &Client, name: Option<&str>) -> Result<String> {
    let all: List<atrail_api::Account> =
        client.json(Call::get(atrail_api::paths::ACCOUNTS)).await?;
    let found = match name {
        None => all.resources,
        Some(name) => meant(
            all.resources,
            name,
            |one| one.guid.clone(),
            |one| one.name.clone(),
        ),
    };
    let mut found = found.into_iter();
    match (found.next(), found.next(), name) {
        (Some(account), None, _) => Ok(account.guid),
        (None, _, Some(name)) => Err(CliError::failed(format!(
            "there is no account {name:?} that you may see"
        ))
        .hint("`atrail admin account list` shows them")),
        _ => Err(CliError::usage("missing: --account ACCOUNT")
            .hint("`atrail admin account list` shows them")),
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
