//! The domain of an event.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, SpaceId};

/// The domain of an event: that of a space, or that of an account.
///
/// Its text, `space-GUID` or `account-GUID`, is also its name in paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// The events of one space.
    Space(SpaceId),
    /// The account's own events: those that belong to no space.
    Account(AccountId),
}

/// The text is not a domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a domain: expected space-GUID or account-GUID")]
pub struct ParseDomainError;

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space(id) => write!(f, "space-{id}"),
            Self::Account(id) => write!(f, "account-{id}"),
        }
    }
}

impl FromStr for Domain {
    type Err = ParseDomainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = if let Some(id) = text.strip_prefix("space-") {
            id.parse().map(Self::Space)
        } else if let Some(id) = text.strip_prefix("account-") {
            id.parse().map(Self::Account)
        } else {
            return Err(ParseDomainError);
        };
        parsed.map_err(|_| ParseDomainError)
    }
}
