//! The storage of the suite's journals, and its failures.

#![allow(
    unreachable_pub,
    reason = "the suite is public with the feature `conformance`"
)]

#[cfg(test)]
pub(super) mod directory;

use std::collections::HashMap;
use std::sync::Arc;

use atrail_model::{Domain, ManualClock};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{RECENT_BYTES, SEAL_AT_BYTES};
use crate::journal::Journal;
use crate::journal::memory::{Failure, MemoryJournal, MemoryLog};

/// The storage of a test's journals, which it opens one after the other.
pub trait Bed: Sync {
    /// Opens the next journal, as after a crash of the previous one.
    fn open<'a>(&'a self, sealed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Arc<dyn Journal>>;

    /// Makes batches fail from now on, or ends that.
    fn fail(&self, failure: Option<Failure>);

    /// Reports whether storage has these bytes anywhere.
    fn holds(&self, bytes: &[u8]) -> bool;
}

/// Returns a clock that stands still.
pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2017-07-25T10:00:00Z".parse().unwrap()))
}

impl Bed for MemoryLog {
    fn open<'a>(&'a self, sealed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Arc<dyn Journal>> {
        let journal = MemoryJournal::open(
            self.clone(),
            sealed_to,
            clock(),
            SEAL_AT_BYTES,
            RECENT_BYTES,
        );
        let journal: Arc<dyn Journal> = Arc::new(journal);
        std::future::ready(journal).boxed()
    }

    fn fail(&self, failure: Option<Failure>) {
        Self::fail(self, failure);
    }

    fn holds(&self, bytes: &[u8]) -> bool {
        Self::holds(self, bytes)
    }
}
