//! Names for the GUIDs in tables.

use std::collections::HashMap;

use atrail_api::{Account, List, Organization, Space, paths};
use serde::de::DeserializeOwned;

use super::{Call, Client};
use crate::settings::Settings;

/// The things whose names a table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamesOf {
    /// Accounts.
    Accounts,
    /// The own domains of accounts, beside spaces.
    OwnDomains,
    /// Organizations.
    Organizations,
    /// Spaces.
    Spaces,
}

/// The names of things by their GUIDs.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    /// Fetches the names of these kinds where the settings call for names. A table that cannot have them shows GUIDs, so
    /// no failure is one of the command.
    pub(crate) async fn fetch(settings: &Settings, client: &Client, kinds: &[NamesOf]) -> Self {
        let mut names = Self::default();
        if !settings.shows_names() {
            return names;
        }
        for kind in kinds {
            match kind {
                NamesOf::Accounts => {
                    let all: Vec<Account> = list(client, paths::ACCOUNTS).await;
                    names.add(all.into_iter().map(|one| (one.guid, one.name)));
                }
                NamesOf::OwnDomains => {
                    let all: Vec<Account> = list(client, paths::ACCOUNTS).await;
                    let own = |one: Account| (one.guid, format!("(account {})", one.name));
                    names.add(all.into_iter().map(own));
                }
                NamesOf::Organizations => {
                    let all: Vec<Organization> = list(client, paths::ORGANIZATIONS).await;
                    names.add(all.into_iter().map(|one| (one.guid, one.name)));
                }
                NamesOf::Spaces => {
                    let all: Vec<Space> = list(client, paths::SPACES).await;
                    names.add(all.into_iter().map(|one| (one.guid, one.name)));
                }
            }
        }
        names
    }

    /// Adds things of one kind. A name that several of them have identifies none, so these keep their GUIDs.
    fn add(&mut self, things: impl Iterator<Item = (String, String)>) {
        let things: Vec<_> = things.collect();
        let mut counts = HashMap::new();
        for (_, name) in &things {
            *counts.entry(name.clone()).or_insert(0) += 1;
        }
        let unique = things.into_iter().filter(|(_, name)| counts[name] == 1);
        self.0.extend(unique);
    }

    /// Returns the name of the thing with this GUID, or the GUID.
    pub(crate) fn of(&self, guid: &str) -> String {
        self.0.get(guid).cloned().unwrap_or_else(|| guid.to_owned())
    }
}

async fn list<T: DeserializeOwned>(client: &Client, path: &'static str) -> Vec<T> {
    let all: Result<List<T>, _> = client.json(Call::get(path)).await;
    all.map(|all| all.resources).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_names_none() {
        let mut names = Names::default();
        let things = [("a", "dev"), ("b", "dev"), ("c", "prod")];
        names.add(
            things
                .map(|(guid, name)| (guid.to_owned(), name.to_owned()))
                .into_iter(),
        );
        let shown = ["a", "b", "c", "d"].map(|guid| names.of(guid));
        assert_eq!(shown, ["a", "b", "prod", "d"]);
    }
}
