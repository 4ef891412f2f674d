//! Legal holds.

use std::fmt;

use crate::{Domain, Timestamp, format_timestamp};

/// A legal hold in force on one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingHold {
    /// The domain.
    pub domain: Domain,
    /// Whether it was set for the whole account; otherwise for this space.
    pub at_account_level: bool,
    /// The reason, in the words of the user who set it.
    pub reason: String,
    /// The name of the user who set it.
    pub actor: String,
    /// The time from which it applies.
    pub since: Timestamp,
}

impl fmt::Display for StandingHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            domain,
            at_account_level,
            reason,
            actor,
            since,
        } = self;
        let level = if *at_account_level {
            ", set for the whole account"
        } else {
            ""
        };
        write!(
            f,
            "a legal hold on {domain} ({reason}; by {actor} on {}{level})",
            format_timestamp(*since)
        )
    }
}
