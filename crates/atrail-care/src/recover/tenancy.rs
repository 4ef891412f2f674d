//! Chooses names for tenants whose names are lost. Pure.

use std::collections::{BTreeSet, HashSet};

use atrail_catalog::adopt::Placeholders;
use atrail_model::{AccountId, Domain, OrganizationId, SpaceId};

/// A domain of the new catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredDomain {
    /// The domain.
    pub domain: Domain,
    /// Its account in the new catalog.
    pub account: AccountId,
    /// The new name of its account or space.
    pub name: String,
    /// Adopted objects.
    pub objects: u64,
    /// Events in them.
    pub events: u64,
}

const RECOVERED: &str = "recovered";

/// Returns a tenancy for these domains. The account of a space is lost. When events name exactly one account, spaces
/// belong to that one; otherwise they belong to an account of their own, so that no account gains a space that was not
/// its own.
pub(super) fn placeholders(domains: &BTreeSet<Domain>) -> Placeholders {
    let mut names = HashSet::new();
    let mut accounts: Vec<(AccountId, String)> = Vec::new();
    let mut spaces: Vec<(SpaceId, String)> = Vec::new();
    for domain in domains {
        match domain {
            Domain::Account(id) => accounts.push((*id, name(&id.to_string(), &mut names))),
            Domain::Space(id) => spaces.push((*id, name(&id.to_string(), &mut names))),
        }
    }
    let organization = (!spaces.is_empty()).then(|| {
        let home = match &accounts[..] {
            [(only, _)] => *only,
            _ => {
                let home = AccountId::generate();
                accounts.push((home, RECOVERED.to_owned()));
                home
            }
        };
        (OrganizationId::generate(), home, RECOVERED.to_owned())
    });
    Placeholders {
        accounts,
        organization,
        spaces,
    }
}

/// Returns places for further domains, which the record of the existing accounts lacks: by the same rule.
#[must_use]
pub fn beside(accounts: &BTreeSet<AccountId>, domains: &BTreeSet<Domain>) -> Placeholders {
    let mut names = HashSet::new();
    let mut found = Placeholders {
        accounts: Vec::new(),
        organization: None,
        spaces: Vec::new(),
    };
    for domain in domains {
        match domain {
            Domain::Account(id) => found
                .accounts
                .push((*id, name(&id.to_string(), &mut names))),
            Domain::Space(id) => found.spaces.push((*id, name(&id.to_string(), &mut names))),
        }
    }
    if found.spaces.is_empty() {
        return found;
    }
    let new = found.accounts.iter().map(|(id, _)| *id);
    let all: BTreeSet<AccountId> = accounts.iter().copied().chain(new).collect();
    let home = match all.first() {
        Some(only) if all.len() == 1 => *only,
        _ => {
            let home = AccountId::generate();
            let name = name(&home.to_string(), &mut names);
            found.accounts.push((home, name));
            home
        }
    };
    let id = OrganizationId::generate();
    found.organization = Some((id, home, name(&id.to_string(), &mut names)));
    found
}

/// Returns the domains of a tenancy, without any adopted objects.
pub(super) fn named(found: &Placeholders) -> Vec<RecoveredDomain> {
    let accounts = found
        .accounts
        .iter()
        .map(|(id, name)| (Domain::Account(*id), *id, name));
    let home = found.organization.as_ref().map(|(_, account, _)| *account);
    let spaces = found
        .spaces
        .iter()
        .filter_map(|(id, name)| Some((Domain::Space(*id), home?, name)));
    accounts
        .chain(spaces)
        .map(|(domain, account, name)| RecoveredDomain {
            domain,
            account,
            name: name.clone(),
            objects: 0,
            events: 0,
        })
        .collect()
}

/// Returns a short name where possible, or the whole GUID when another one has the same beginning.
fn name(guid: &str, taken: &mut HashSet<String>) -> String {
    let short = format!("{RECOVERED}-{}", guid.get(..8).unwrap_or(guid));
    if taken.insert(short.clone()) {
        return short;
    }
    format!("{RECOVERED}-{guid}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(byte: u8, last: u8) -> Domain {
        let mut bytes = [byte; 16];
        bytes[15] = last;
        Domain::Space(SpaceId::from_bytes(bytes))
    }

    #[test]
    fn spaces_come_to_the_only_account_or_to_one_of_their_own() {
        let account = |byte| AccountId::from_bytes([byte; 16]);
        let one = BTreeSet::from([Domain::Account(account(1)), space(2, 1), space(2, 2)]);
        let found = placeholders(&one);
        assert_eq!(
            found.accounts,
            [(account(1), "recovered-01010101".to_owned())]
        );
        assert_eq!(found.organization.unwrap().1, account(1));
        let names: Vec<_> = found.spaces.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "recovered-02020202",
                "recovered-02020202-0202-0202-0202-020202020202"
            ]
        );

        let two = BTreeSet::from([
            Domain::Account(account(1)),
            Domain::Account(account(3)),
            space(2, 1),
        ]);
        let found = placeholders(&two);
        assert_eq!(found.accounts.len(), 3);
        assert_eq!(found.accounts[2].1, "recovered");
        assert_eq!(found.organization.unwrap().1, found.accounts[2].0);
        assert!(placeholders(&BTreeSet::new()).accounts.is_empty());
    }
}
