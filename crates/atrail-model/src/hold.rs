//! Legal holds.

use std::fmt;

use crate::{Domain, Timestamp, format_timestamp};

/// A legal hold in force on one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingHold {
    /// The domain.
    pub domain: Domain,
    /// The name of its space or account; `None` for a space that was deleted.
    pub name: Option<String>,
    /// Whether it was set for the whole account; otherwise for this space.
    pub at_account_level: bool,
    /// The reason, in the words of the user who set it.
    pub reason: String,
    /// The name of the user who set it.
    pub actor: String,
    /// The time from which it applies.
    pub since: Timestamp,
}

/// Writes what stands, for whom, and since when: `space dev is under legal hold since 2026-11-26 (case 4711, admin)`.
impl fmt::Display for StandingHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            domain,
            name,
            at_account_level,
            reason,
            actor,
            since,
        } = self;
        let level = if *at_account_level {
            ", for the whole account"
        } else {
            ""
        };
        let thing = domain.to_string();
        let (kind, guid) = thing.split_once('-').unwrap_or_default();
        let name = name.as_deref().unwrap_or(guid);
        let since = format_timestamp(*since);
        let day = since.split('T').next().unwrap_or_default();
        write!(
            f,
            "{kind} {name} is under legal hold since {day} ({reason}, {actor}{level})"
        )
    }
}
