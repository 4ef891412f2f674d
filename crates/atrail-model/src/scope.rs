//! The scope of a query, a session or a deletion.

use std::fmt;

use crate::{AccountId, DayRange, Domain, Hours, SpaceId};

/// The owner of the events: one space, or a whole account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// One space.
    Space(SpaceId),
    /// The account's own domain and every space of it.
    Account(AccountId),
}

impl Target {
    /// Returns the domain that receives an event sent to this target.
    #[must_use]
    pub const fn domain(self) -> Domain {
        match self {
            Self::Space(id) => Domain::Space(id),
            Self::Account(id) => Domain::Account(id),
        }
    }
}

impl fmt::Display for Target {
    /// Writes the target in words: `space GUID`, `account GUID`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(id) => write!(f, "space {id}"),
            Self::Account(id) => write!(f, "account {id}"),
        }
    }
}

/// A target with inclusive days and, for each day, inclusive hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The owner of the events.
    pub target: Target,
    /// The days.
    pub days: DayRange,
    /// The hours of each of these days.
    pub hours: Hours,
}
