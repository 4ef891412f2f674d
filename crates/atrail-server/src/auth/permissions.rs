//! The only place that defines what each role allows.

use atrail_model::{AccountId, AccountRole, KeyScope, SpaceId, SpaceRole, Standing};

/// A use of a target's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Counting, listing, downloading.
    Read,
    /// Sending.
    Send,
    /// Deleting.
    Delete,
    /// Reading retention.
    ReadOptions,
    /// Setting retention.
    SetOptions,
    /// Setting or releasing legal holds.
    KeepHolds,
}

impl Action {
    /// Returns the scope that an API key needs for this action.
    pub(crate) const fn scope(self) -> KeyScope {
        match self {
            Self::Read | Self::ReadOptions => KeyScope::Read,
            Self::Send => KeyScope::Send,
            Self::Delete | Self::SetOptions | Self::KeepHolds => KeyScope::Delete,
        }
    }

    /// Returns another scope that suffices: whoever may set retention may see it.
    pub(crate) const fn other_scope(self) -> Option<KeyScope> {
        match self {
            Self::ReadOptions => Some(KeyScope::Delete),
            _ => None,
        }
    }

    /// Returns the roles of an account that allow the action for the whole account, or, for sending, for the account's
    /// own domain.
    pub(crate) const fn account_roles(self) -> &'static [AccountRole] {
        match self {
            Self::Read | Self::ReadOptions => &[AccountRole::Owner, AccountRole::Auditor],
            Self::Send => &[AccountRole::Owner, AccountRole::Writer],
            Self::Delete | Self::SetOptions | Self::KeepHolds => &[AccountRole::Owner],
        }
    }

    /// Returns the roles of an account that allow the action in each of its spaces.
    pub(crate) const fn account_roles_in_spaces(self) -> &'static [AccountRole] {
        match self {
            Self::Read | Self::ReadOptions => &[AccountRole::Owner, AccountRole::Auditor],
            Self::Send | Self::Delete | Self::SetOptions | Self::KeepHolds => &[AccountRole::Owner],
        }
    }

    /// Returns the roles of a space that allow the action there.
    pub(crate) const fn space_roles(self) -> &'static [SpaceRole] {
        match self {
            Self::Read | Self::ReadOptions => &[SpaceRole::Developer, SpaceRole::Auditor],
            Self::Send => &[SpaceRole::Developer, SpaceRole::Writer],
            Self::Delete | Self::SetOptions => &[SpaceRole::Developer],
            // A user who may delete cannot release the holds of the account's owner.
            Self::KeepHolds => &[],
        }
    }
}

/// Returns whether the roles allow the action at account level.
pub(crate) fn allows_in_account(standing: &Standing, action: Action, account: AccountId) -> bool {
    let mut roles = action.account_roles().iter();
    roles.any(|role| standing.holds_in_account(account, *role))
}

/// Returns whether the roles allow the action in a space of this account.
pub(crate) fn allows_in_space(
    standing: &Standing,
    action: Action,
    space: SpaceId,
    account: AccountId,
) -> bool {
    let mut of_account = action.account_roles_in_spaces().iter();
    let mut of_space = action.space_roles().iter();
    of_account.any(|role| standing.holds_in_account(account, *role))
        || of_space.any(|role| standing.holds_in_space(space, *role))
}

/// Returns whether the user may know of a space of this account: by a role in it, or by one that reads the account.
pub(crate) fn knows_space(standing: &Standing, space: SpaceId, account: AccountId) -> bool {
    standing.spaces.contains_key(&space) || allows_in_account(standing, Action::Read, account)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use atrail_model::{HeldRole, Home, KeyScopes, Timestamp, User, UserId};

    use super::*;

    const ACTIONS: [Action; 6] = [
        Action::Read,
        Action::ReadOptions,
        Action::Send,
        Action::Delete,
        Action::SetOptions,
        Action::KeepHolds,
    ];

    fn standing(role: HeldRole, account: AccountId) -> Standing {
        let spaces = match role {
            HeldRole::Space(space, _) => HashMap::from([(space, account)]),
            HeldRole::Account(..) => HashMap::new(),
        };
        Standing {
            user: User {
                id: UserId::generate(),
                name: "ann".to_owned(),
                operator: true,
            },
            scopes: KeyScopes::ALL,
            by_limited_key: false,
            roles: HashSet::from([role]),
            spaces,
            home: Home::default(),
            api_key: None,
            ingest: None,
            noted: HashSet::new(),
            until: Timestamp::MAX,
        }
    }

    /// Returns, as letters, the actions allowed in the space, then those allowed at account level.
    fn allowed(role: HeldRole, space: SpaceId, account: AccountId) -> String {
        let standing = standing(role, account);
        let letters = |allows: &dyn Fn(Action) -> bool| -> String {
            let shown = ACTIONS.into_iter().zip(["r", "v", "s", "d", "o", "h"]);
            let shown = shown.map(|(action, letter)| if allows(action) { letter } else { "-" });
            shown.collect()
        };
        format!(
            "{} {}",
            letters(&|action| allows_in_space(&standing, action, space, account)),
            letters(&|action| allows_in_account(&standing, action, account)),
        )
    }

    #[test]
    fn each_role_allows_its_own_and_nothing_elsewhere() {
        let (account, space) = (AccountId::generate(), SpaceId::generate());
        let of_account = |role| HeldRole::Account(account, role);
        let of_space = |role| HeldRole::Space(space, role);
        let table = [
            (of_account(AccountRole::Owner), "rvsdoh rvsdoh"),
            (of_account(AccountRole::Auditor), "rv---- rv----"),
            (of_account(AccountRole::Writer), "------ --s---"),
            (of_space(SpaceRole::Developer), "rvsdo- ------"),
            (of_space(SpaceRole::Auditor), "rv---- ------"),
            (of_space(SpaceRole::Writer), "--s--- ------"),
        ];
        assert_eq!(table.len(), AccountRole::ALL.len() + SpaceRole::ALL.len());
        for (role, expected) in table {
            assert_eq!(allowed(role, space, account), expected, "{role:?}");
            let elsewhere = allowed(role, SpaceId::generate(), AccountId::generate());
            assert_eq!(elsewhere, "------ ------", "{role:?} elsewhere");
        }
    }
}
