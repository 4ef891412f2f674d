//! What a question, a session or a deletion is about.

use std::fmt;

use crate::{AccountId, DayRange, Domain, Hours, SpaceId};

/// Whose events: those of one space, or those of a whole account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// One space.
    Space(SpaceId),
    /// The account's own domain and every space of it.
    Account(AccountId),
}

impl Target {
    /// The domain that an event sent to this target lands in.
    #[must_use]
    pub const fn domain(self) -> Domain {
        match self {
            Self::Space(id) => Domain::Space(id),
            Self::Account(id) => Domain::Account(id),
        }
    }
}

impl fmt::Display for Target {
    /// In words: `space GUID`, `account GUID`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(id) => write!(f, "space {id}"),
            Self::Account(id) => write!(f, "account {id}"),
        }
    }
}

/// A target with inclusive days and, of each day, inclusive hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Whose events.
    pub target: Target,
    /// Which days.
    pub days: DayRange,
    /// Which hours of each of these days.
    pub hours: Hours,
}
