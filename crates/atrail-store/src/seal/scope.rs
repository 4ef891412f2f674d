//! Selects the domains to seal.

use std::collections::HashSet;
use std::time::Duration;

use atrail_model::{Domain, Elapsed};
use atrail_wal::{GATHER_HOURS, Gathered};

/// The domains to seal.
#[derive(Debug)]
pub(crate) enum SealScope {
    All,
    These(HashSet<Domain>),
    /// Those whose first unsealed event arrived this long before `now`.
    WaitingFor {
        now: Elapsed,
        at_least: Duration,
    },
    /// Those that have events of so many hours that sealing them takes several steps.
    ManyHours,
}

impl SealScope {
    /// Reports whether a domain with these gathered events is selected.
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
