//! Names for the GUIDs in tables.

use std::collections::HashMap;

use atrail_api::{Account, List, Organization, Relationships, Space, paths};
use serde::de::DeserializeOwned;

use super::{Call, Client, nearest};
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
        let places = client.target.places();
        for kind in kinds {
            let things = match kind {
                NamesOf::Accounts => of_accounts(client, |name| name).await,
                NamesOf::OwnDomains => {
                    of_accounts(client, |name| format!("(account {name})")).await
                }
                NamesOf::Organizations => {
                    let all: Vec<Organization> = list(client, paths::ORGANIZATIONS).await;
                    let things = all.into_iter();
                    things
                        .map(|one| (one.guid, one.name, Some(one.relationships)))
                        .collect()
                }
                NamesOf::Spaces => {
                    let all: Vec<Space> = list(client, paths::SPACES).await;
                    let things = all.into_iter();
                    things
                        .map(|one| (one.guid, one.name, Some(one.relationships)))
                        .collect()
                }
            };
            names.add(things, &places);
        }
        names
    }

    /// Adds things of one kind, each by the name that means it: of several with one name, only the one in the targeted
    /// organization or account. The others keep their GUIDs.
    fn add(&mut self, things: Vec<Thing>, places: &[&str]) {
        let mut by_name: HashMap<String, Vec<Thing>> = HashMap::new();
        for thing in things {
            by_name.entry(thing.1.clone()).or_default().push(thing);
        }
        for (_, things) in by_name {
            let near = nearest(things, places, |(_, _, relationships), place| {
                let relationships = relationships.as_ref();
                relationships.is_some_and(|relationships| relationships.names(place))
            });
            if let Ok([(guid, name, _)]) = <[Thing; 1]>::try_from(near) {
                self.0.insert(guid, name);
            }
        }
    }

    /// Returns the name of the thing with this GUID, or the GUID.
    pub(crate) fn of(&self, guid: &str) -> String {
        self.0.get(guid).cloned().unwrap_or_else(|| guid.to_owned())
    }
}

/// A thing's GUID, its name, and what it belongs to.
type Thing = (String, String, Option<Relationships>);

async fn of_accounts(client: &Client, shown: impl Fn(String) -> String) -> Vec<Thing> {
    let all: Vec<Account> = list(client, paths::ACCOUNTS).await;
    let things = all.into_iter();
    things
        .map(|one| (one.guid, shown(one.name), None))
        .collect()
}

async fn list<T: DeserializeOwned>(client: &Client, path: &'static str) -> Vec<T> {
    let all: Result<List<T>, _> = client.json(Call::get(path)).await;
    all.map(|all| all.resources).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use atrail_api::Relation;

    use super::*;

    #[test]
    fn a_name_of_several_names_none() {
        let mut names = Names::default();
        let things = || {
            let things = [("a", "dev", "x"), ("b", "dev", "y"), ("c", "prod", "x")];
            let thing = |(guid, name, account): (&str, &str, &str)| {
                let relationships = Relationships {
                    organization: None,
                    account: Some(Relation::to(account)),
                };
                (guid.to_owned(), name.to_owned(), Some(relationships))
            };
            things.map(thing).to_vec()
        };
        names.add(things(), &[]);
        let shown = ["a", "b", "c", "d"].map(|guid| names.of(guid));
        assert_eq!(shown, ["a", "b", "prod", "d"]);
        // Where one of them is the near one, the name means that one.
        let mut names = Names::default();
        names.add(things(), &["y"]);
        let shown = ["a", "b", "c", "d"].map(|guid| names.of(guid));
        assert_eq!(shown, ["a", "dev", "prod", "d"]);
    }
}
