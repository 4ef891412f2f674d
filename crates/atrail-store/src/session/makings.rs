//! The sessions that are being created.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use atrail_catalog::session::Generation;
use atrail_model::AccountId;
use parking_lot::Mutex;

use crate::turns::Turns;

/// Sessions that are created at once: each reads with one of the catalog's few connections, and may use megabytes.
const AT_ONCE: usize = 2;
/// For how long another node may be creating a session.
const ELSEWHERE: Duration = Duration::from_secs(3600);
/// Limits of waiting requests, of one account and of all.
const WAITING_OF_ACCOUNT: usize = 64;
const WAITING: usize = 4096;

/// The sessions that are being created.
#[derive(Debug)]
pub(crate) struct Makings {
    pub(super) turns: Turns<AccountId>,
    /// Sessions whose texts may be in the catalog before the sessions are.
    under_way: Mutex<HashSet<Generation>>,
    /// Since when texts are known that have no session.
    strays: Mutex<HashMap<Generation, Instant>>,
}

impl Default for Makings {
    fn default() -> Self {
        Self {
            turns: Turns::new(AT_ONCE, WAITING_OF_ACCOUNT, WAITING),
            under_way: Mutex::default(),
            strays: Mutex::default(),
        }
    }
}

impl Makings {
    /// Reports whether a session of this generation may still be inserted.
    pub(crate) fn has(&self, generation: &Generation) -> bool {
        self.under_way.lock().contains(generation)
    }

    /// As [`Self::has`], for what other nodes are creating: a session that is not there after this long will never be.
    pub(crate) fn may_have_elsewhere(&self, generation: &Generation) -> bool {
        let mut strays = self.strays.lock();
        strays.retain(|_, since| since.elapsed() < ELSEWHERE * 2);
        let since = strays.entry(*generation).or_insert_with(Instant::now);
        self.has(generation) || since.elapsed() < ELSEWHERE
    }

    /// Begins one more, with a new generation.
    pub(super) fn begin(&self) -> UnderWay<'_> {
        let generation = Generation::generate();
        self.under_way.lock().insert(generation);
        UnderWay {
            makings: self,
            generation,
        }
    }
}

/// One session that is being created, until this is dropped.
pub(super) struct UnderWay<'a> {
    makings: &'a Makings,
    pub(super) generation: Generation,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.makings.under_way.lock().remove(&self.generation);
    }
}
