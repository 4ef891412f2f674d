//! A user, and what a login of the user is worth.

use std::collections::{HashMap, HashSet};

use crate::{
    AccountId, AccountRole, HeldRole, Home, KeyScopes, SpaceId, SpaceRole, Timestamp, UserId,
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

/// What a living login is worth: the user and the roles held, as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who is logged in.
    pub user: User,
    /// What the login may be used for, whatever the roles allow.
    pub scopes: KeyScopes,
    /// Whether an API key began the login that is not good for everything and for ever.
    pub by_limited_key: bool,
    /// The user's roles; those that an identity provider claimed, only for a login that it began: such a login ends, and
    /// the provider is asked again, where an API key could live for ever.
    pub roles: HashSet<HeldRole>,
    /// The spaces that those are of, each with its account.
    pub spaces: HashMap<SpaceId, AccountId>,
    /// What a request of the login is about when it names nothing, if an API key began the login.
    pub home: Home,
    /// The accounts that the user has used.
    pub used: HashSet<AccountId>,
    /// Until when the login lives unless it is refreshed.
    pub until: Timestamp,
}

impl Standing {
    /// Whether both allow the same: how long the login lives, and which accounts were used, changes with its use.
    #[must_use]
    pub fn is_worth_as_much_as(&self, other: &Self) -> bool {
        let Self {
            user,
            scopes,
            by_limited_key,
            roles,
            spaces,
            home,
            used: _,
            until: _,
        } = self;
        *user == other.user
            && *scopes == other.scopes
            && *by_limited_key == other.by_limited_key
            && *roles == other.roles
            && *spaces == other.spaces
            && *home == other.home
    }

    /// Whether the user holds this role of the account.
    #[must_use]
    pub fn holds_in_account(&self, account: AccountId, role: AccountRole) -> bool {
        self.roles.contains(&HeldRole::Account(account, role))
    }

    /// Whether the user holds this role of the space.
    #[must_use]
    pub fn holds_in_space(&self, space: SpaceId, role: SpaceRole) -> bool {
        self.roles.contains(&HeldRole::Space(space, role))
    }

    /// The accounts that the user holds this role of.
    pub fn accounts_with(&self, role: AccountRole) -> impl Iterator<Item = AccountId> {
        self.roles.iter().filter_map(move |held| match held {
            HeldRole::Account(account, one) if *one == role => Some(*account),
            _ => None,
        })
    }
}
