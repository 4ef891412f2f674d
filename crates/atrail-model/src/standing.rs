//! A user, and the rights of the user's login.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::{
    AccountId, AccountRole, HeldRole, Home, IngestTerms, KeyScopes, SpaceId, SpaceRole, Timestamp,
    UserId,
};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// GUID.
    pub id: UserId,
    /// Unique on the server.
    pub name: String,
    /// Whether the user manages accounts and users.
    pub operator: bool,
}

/// The rights of a live login: the user and the roles held, as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The logged-in user.
    pub user: User,
    /// The login's scopes, which limit the roles.
    pub scopes: KeyScopes,
    /// Whether the login began with an API key that has limited scopes or an expiry date.
    pub by_limited_key: bool,
    /// The user's roles. Roles that an identity provider claimed are included only for a login that the provider began:
    /// such a login ends, and the server asks the provider again, whereas an API key could live for ever.
    pub roles: HashSet<HeldRole>,
    /// The spaces of these roles, each with its account.
    pub spaces: HashMap<SpaceId, AccountId>,
    /// The default target of the login's requests, if an API key began the login.
    pub home: Home,
    /// The public part of the API key that began the login, or that comes with the requests themselves.
    pub api_key: Option<Arc<str>>,
    /// The terms of the ingest key that comes with the requests, if one does. Then the user is no user of the server: its
    /// GUID stands for the key, and its name is the key's.
    pub ingest: Option<IngestTerms>,
    /// The accounts that are noted as used by the user and as having a record of this login: a request to one of them
    /// leaves nothing to note.
    pub noted: HashSet<AccountId>,
    /// The time at which the login expires unless it is refreshed.
    pub until: Timestamp,
}

impl Standing {
    /// Returns whether both grant the same rights. It ignores the login's expiry and the noted accounts, which change as
    /// the login is used, and its API key, which never changes.
    #[must_use]
    pub fn is_worth_as_much_as(&self, other: &Self) -> bool {
        let Self {
            user,
            scopes,
            by_limited_key,
            roles,
            spaces,
            home,
            api_key: _,
            ingest,
            noted: _,
            until: _,
        } = self;
        *user == other.user
            && *scopes == other.scopes
            && *by_limited_key == other.by_limited_key
            && *roles == other.roles
            && *spaces == other.spaces
            && *home == other.home
            && *ingest == other.ingest
    }

    /// Returns whether the user holds this role in the account.
    #[must_use]
    pub fn holds_in_account(&self, account: AccountId, role: AccountRole) -> bool {
        self.roles.contains(&HeldRole::Account(account, role))
    }

    /// Returns whether the user holds this role in the space.
    #[must_use]
    pub fn holds_in_space(&self, space: SpaceId, role: SpaceRole) -> bool {
        self.roles.contains(&HeldRole::Space(space, role))
    }

    /// Returns the accounts in which the user holds this role.
    pub fn accounts_with(&self, role: AccountRole) -> impl Iterator<Item = AccountId> {
        self.roles.iter().filter_map(move |held| match held {
            HeldRole::Account(account, one) if *one == role => Some(*account),
            _ => None,
        })
    }
}
