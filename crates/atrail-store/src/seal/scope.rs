//! What is sealed at one go.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use atrail_model::{Domain, Elapsed};

use crate::memtable::{GATHER_HOURS, Pending};

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
    pub(crate) fn choice(&self) -> impl Fn(Domain, &VecDeque<Pending>) -> bool {
        move |domain, pending| match self {
            Self::All => true,
            Self::These(domains) => domains.contains(&domain),
            Self::WaitingFor { now, at_least } => {
                let first = pending.front();
                first.is_some_and(|first| now.since(first.since) >= *at_least)
            }
            Self::ManyHours => {
                let first = pending.front();
                first.is_some_and(|first| first.hours.len() >= GATHER_HOURS)
            }
        }
    }
}
