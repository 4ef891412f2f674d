//! What is sealed at one go.

use std::collections::HashSet;
use std::time::Duration;

use atrail_model::{Domain, Elapsed};

use crate::journal::{GATHER_HOURS, Gathered};

/// Which domains to seal.
#[derive(Debug)]
pub(crate) enum SealScope {
    All,
    These(HashSet<Domain>),
    /// Those whose first unsealed event came this long before `now`.
    WaitingFor {
        now: Elapsed,
        at_least: Duration,
    },
    /// Those that have events of so many hours that sealing them takes several goes.
    ManyHours,
}

impl SealScope {
    /// Whether a domain that has gathered this is sealed.
    pub(crate) fn chooses(&self, gathered: &Gathered) -> bool {
        match self {
            Self::All => true,
            Self::These(domains) => domains.contains(&gathered.domain),
            Self::WaitingFor { now, at_least } => now.since(gathered.since) >= *at_least,
            Self::ManyHours => gathered
                .hours
                .first()
                .is_some_and(|first| *first >= GATHER_HOURS),
        }
    }
}
