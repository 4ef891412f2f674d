//! The scopes of an API key, and its home.

use std::fmt;

use crate::{AccountId, AccountRole, HeldRole, SpaceId, SpaceRole};

/// One permission that an API key may be limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyScope {
    /// Counting, sessions, downloads.
    Read,
    /// Sending events.
    Send,
    /// Deleting events, and options.
    Delete,
    /// Tenancy, users, roles, keys and passwords.
    Manage,
}

impl KeyScope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Send, Self::Delete, Self::Manage];

    const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Delete => "delete",
            Self::Manage => "manage",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of [`KeyScope`]s. It narrows the permissions of its holder's roles and grants nothing by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyScopes(u8);

impl KeyScopes {
    /// Everything that the holder may do.
    pub const ALL: Self = Self(0b1111);

    /// Returns whether the set contains the scope.
    #[must_use]
    pub const fn contains(self, scope: KeyScope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Returns the set without the scope.
    #[must_use]
    pub const fn without(self, scope: KeyScope) -> Self {
        Self(self.0 & !scope.bit())
    }

    /// Iterates over the scopes in the set.
    pub fn iter(self) -> impl Iterator<Item = KeyScope> {
        KeyScope::ALL
            .into_iter()
            .filter(move |scope| self.contains(*scope))
    }

    /// Parses the words that the catalog writes; an unknown word grants nothing.
    #[must_use]
    pub fn of_words(words: &str) -> Self {
        words
            .split(' ')
            .filter_map(|word| KeyScope::ALL.into_iter().find(|one| one.word() == word))
            .collect()
    }
}

impl FromIterator<KeyScope> for KeyScopes {
    fn from_iter<T: IntoIterator<Item = KeyScope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }
}

impl fmt::Display for KeyScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(KeyScope::word).collect();
        f.write_str(&words.join(" "))
    }
}

impl fmt::Debug for KeyScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyScopes({self})")
    }
}

/// The account and space that an API key was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Home {
    /// The account.
    pub account: Option<AccountId>,
    /// The space of that account.
    pub space: Option<SpaceId>,
}

impl Home {
    /// Returns what is left of a role in this account for a key that is bound to this place; `None` when nothing is. A
    /// key for a space has no role of the account: an owner is a developer there, and an auditor is its auditor.
    #[must_use]
    pub fn narrowed(&self, role: HeldRole, account: AccountId) -> Option<HeldRole> {
        if self.account != Some(account) {
            return None;
        }
        let Some(space) = self.space else {
            return Some(role);
        };
        match role {
            HeldRole::Space(of, _) => (of == space).then_some(role),
            HeldRole::Account(_, AccountRole::Owner) => {
                Some(HeldRole::Space(space, SpaceRole::Developer))
            }
            HeldRole::Account(_, AccountRole::Auditor) => {
                Some(HeldRole::Space(space, SpaceRole::Auditor))
            }
            HeldRole::Account(_, AccountRole::Writer) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_key_has_of_a_role_what_concerns_its_place() {
        let (account, other) = (AccountId::generate(), AccountId::generate());
        let (space, beside) = (SpaceId::generate(), SpaceId::generate());
        let of_account = Home {
            account: Some(account),
            space: None,
        };
        let of_space = Home {
            account: Some(account),
            space: Some(space),
        };
        let held = |role| HeldRole::Account(account, role);
        let in_space = |space, role| Some(HeldRole::Space(space, role));
        for role in [
            held(AccountRole::Owner),
            held(AccountRole::Writer),
            HeldRole::Space(beside, SpaceRole::Writer),
        ] {
            assert_eq!(of_account.narrowed(role, account), Some(role));
            assert_eq!(of_account.narrowed(role, other), None, "{role:?}");
            assert_eq!(of_space.narrowed(role, other), None, "{role:?}");
            assert_eq!(Home::default().narrowed(role, account), None, "{role:?}");
        }
        for (role, left) in [
            (
                held(AccountRole::Owner),
                in_space(space, SpaceRole::Developer),
            ),
            (
                held(AccountRole::Auditor),
                in_space(space, SpaceRole::Auditor),
            ),
            (held(AccountRole::Writer), None),
            (
                HeldRole::Space(space, SpaceRole::Writer),
                in_space(space, SpaceRole::Writer),
            ),
            (HeldRole::Space(beside, SpaceRole::Developer), None),
        ] {
            assert_eq!(of_space.narrowed(role, account), left, "{role:?}");
        }
    }

    #[test]
    fn scopes_are_written_as_words_and_read_back() {
        let some: KeyScopes = [KeyScope::Send, KeyScope::Read].into_iter().collect();
        assert_eq!(some.to_string(), "read send");
        assert_eq!(KeyScopes::of_words("read send"), some);
        assert_eq!(
            KeyScopes::of_words(&KeyScopes::ALL.to_string()),
            KeyScopes::ALL
        );
        assert_eq!(KeyScopes::of_words("everything"), KeyScopes(0));
        assert!(!some.contains(KeyScope::Manage));
    }
}
