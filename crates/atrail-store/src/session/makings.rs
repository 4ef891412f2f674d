//! The sessions that are being made.

use std::collections::HashSet;

use atrail_model::AccountId;
use parking_lot::Mutex;

use crate::catalog::session::Generation;
use crate::turns::Turns;

/// Sessions that are made at once: each reads by one of the catalog's few connections, and may hold megabytes.
const AT_ONCE: usize = 2;
/// Requests of one account that may wait for their turn, and all.
const WAITING_OF_ACCOUNT: usize = 64;
const WAITING: usize = 4096;

/// The sessions that are being made.
#[derive(Debug)]
pub(crate) struct Makings {
    pub(super) turns: Turns<AccountId>,
    /// Those whose texts may be in the catalog before they are.
    under_way: Mutex<HashSet<Generation>>,
}

impl Default for Makings {
    fn default() -> Self {
        Self {
            turns: Turns::new(AT_ONCE, WAITING_OF_ACCOUNT, WAITING),
            under_way: Mutex::default(),
        }
    }
}

impl Makings {
    /// Whether a session of this generation may still come to be.
    pub(crate) fn has(&self, generation: &Generation) -> bool {
        self.under_way.lock().contains(generation)
    }

    /// One more; it gets a generation.
    pub(super) fn begin(&self) -> UnderWay<'_> {
        let generation = Generation::generate();
        self.under_way.lock().insert(generation);
        UnderWay {
            makings: self,
            generation,
        }
    }
}

/// One that is being made, until it is dropped.
pub(super) struct UnderWay<'a> {
    makings: &'a Makings,
    pub(super) generation: Generation,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.makings.under_way.lock().remove(&self.generation);
    }
}
