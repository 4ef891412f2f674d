//! Targets as clients of Elasticsearch name them: by names and GUIDs of spaces, with patterns, or all.

use std::collections::BTreeSet;

use atrail_api::ErrorCode;
use atrail_model::{AccountId, AccountRole, SpaceId, Target};
use atrail_store::canonical_name;

use super::access::{Purpose, ReadEvents};
use super::permissions::{allows_in_account, allows_in_space, knows_space};
use super::principal::Principal;
use crate::app::App;
use crate::error::ApiError;
use crate::es::matches;

/// What the indices of a request stand for: targets that the caller may read, none inside another.
#[derive(Debug)]
pub(crate) struct Indices {
    pub(crate) targets: Vec<Target>,
    /// The GUIDs of the spaces and accounts.
    pub(crate) guids: Vec<String>,
}

/// A space that the caller may know of.
struct Known {
    id: SpaceId,
    name: String,
    account: AccountId,
    may_read: bool,
}

impl Indices {
    /// Returns what these names stand for. No name stands for everything that the caller may read, as `*` does.
    pub(crate) async fn named(
        app: &App,
        principal: &Principal,
        names: &[String],
    ) -> Result<Self, ApiError> {
        let standing = principal.standing();
        let spaces = app.tenancy.spaces().await?.into_iter();
        let known: Vec<Known> = spaces
            .filter(|one| knows_space(standing, one.id, one.account))
            .map(|one| Known {
                may_read: allows_in_space(standing, ReadEvents::ACTION, one.id, one.account),
                id: one.id,
                name: one.name,
                account: one.account,
            })
            .collect();
        let roles = AccountRole::ALL.iter();
        let accounts: BTreeSet<AccountId> = roles
            .flat_map(|role| standing.accounts_with(*role))
            .filter(|account| allows_in_account(standing, ReadEvents::ACTION, *account))
            .collect();
        let mut spaces = BTreeSet::new();
        let mut whole = BTreeSet::new();
        let everything = ["*".to_owned()];
        let names = if names.is_empty() { &everything } else { names };
        for name in names {
            match name.as_str() {
                "*" | "_all" => {
                    whole.extend(accounts.iter().copied());
                    spaces.extend(
                        known
                            .iter()
                            .filter(|one| one.may_read)
                            .map(|one| (one.account, one.id)),
                    );
                }
                pattern if pattern.contains('*') => {
                    let fitting = known
                        .iter()
                        .filter(|one| one.may_read && matches(pattern, &one.name));
                    let before = spaces.len();
                    spaces.extend(fitting.map(|one| (one.account, one.id)));
                    if spaces.len() == before
                        && !known.iter().any(|one| matches(pattern, &one.name))
                    {
                        return Err(unknown(name));
                    }
                }
                name => {
                    spaces.insert(one(&known, name)?);
                }
            }
        }
        spaces.retain(|(account, _)| !whole.contains(account));
        if spaces.is_empty() && whole.is_empty() {
            return Err(ApiError::forbidden(
                "you may read the events of no space: an owner of the account can grant you a role that reads",
            ));
        }
        for account in whole
            .iter()
            .copied()
            .chain(spaces.iter().map(|(account, _)| *account))
        {
            principal.uses(app, account).await;
        }
        let guids = whole.iter().map(ToString::to_string);
        let guids = guids
            .chain(spaces.iter().map(|(_, space)| space.to_string()))
            .collect();
        let targets = whole.into_iter().map(Target::Account);
        let targets = targets.chain(spaces.into_iter().map(|(_, space)| Target::Space(space)));
        Ok(Self {
            targets: targets.collect(),
            guids,
        })
    }
}

/// Returns the space with this GUID or name.
fn one(known: &[Known], name: &str) -> Result<(AccountId, SpaceId), ApiError> {
    let named: Vec<&Known> = match name.parse::<SpaceId>() {
        Ok(id) => known.iter().filter(|one| one.id == id).collect(),
        Err(_) => {
            let name = canonical_name(name);
            known
                .iter()
                .filter(|one| canonical_name(&one.name) == name)
                .collect()
        }
    };
    let readable: Vec<_> = named.iter().filter(|one| one.may_read).collect();
    match readable[..] {
        [one] => Ok((one.account, one.id)),
        [] if named.is_empty() => Err(unknown(name)),
        [] => Err(ApiError::forbidden(
            "your roles in this space do not allow to read events",
        )),
        [..] => {
            let guids: Vec<_> = readable.iter().map(|one| one.id.to_string()).collect();
            Err(ApiError::bad_request(format!(
                "{} spaces have the name {name}: use the GUID of one of them, {}",
                readable.len(),
                guids.join(", ")
            )))
        }
    }
}

/// Returns the error for a space that does not exist, and for one that the caller may not know of.
fn unknown(name: &str) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!(
            "no such index [{name}]: an index is the name or the GUID of a space whose events you may read, or * for all of them"
        ),
    )
}
