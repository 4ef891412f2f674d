//! What the search index lacks, and who keeps it from being written.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use atrail_model::{Day, Domain, ObjectId};
use parking_lot::Mutex;

/// What the search index lacks now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexProgress {
    /// Days of domains that wait for the index.
    pub waiting_days: u64,
    /// Those of them whose last attempt failed.
    pub failing_days: u64,
    /// How long the first of them has waited.
    pub waiting_for: Duration,
}

/// The days of domains that wait for the index.
#[derive(Debug, Default)]
pub(crate) struct Indexing {
    inner: Mutex<Inner>,
    /// One task at a time writes files.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// Whether the catalog is to be asked what the index lacks.
    again: AtomicBool,
    /// Whether the index's directory is that of the catalog's files.
    is_found: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: HashMap<(Domain, Day), Waiting>,
    /// The number of tasks that want what is written of these domains to stop.
    interrupts: HashMap<Domain, usize>,
    /// Objects that cannot be read.
    unsound: HashSet<ObjectId>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    since: Instant,
    /// When it is tried again, after a failure.
    not_before: Option<Instant>,
    /// Grows whenever it is noted.
    number: u64,
}

/// A day that is due, and how often it was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Due {
    pub(super) domain: Domain,
    pub(super) day: Day,
    number: u64,
}

/// While it lives, nothing is written with events of its domains.
#[derive(Debug)]
pub(crate) struct Interrupted<'a> {
    indexing: &'a Indexing,
    domains: Vec<Domain>,
}

impl Drop for Interrupted<'_> {
    fn drop(&mut self) {
        let mut inner = self.indexing.inner.lock();
        for domain in &self.domains {
            if let Some(count) = inner.interrupts.get_mut(domain) {
                *count -= 1;
                if *count == 0 {
                    inner.interrupts.remove(domain);
                }
            }
        }
    }
}

impl Indexing {
    /// Has these days indexed soon.
    pub(crate) fn note(&self, days: impl Iterator<Item = (Domain, Day)>) {
        let now = Instant::now();
        let mut inner = self.inner.lock();
        for day in days {
            let waiting = inner.waiting.entry(day).or_insert(Waiting {
                since: now,
                not_before: None,
                number: 0,
            });
            waiting.number += 1;
        }
    }

    /// Has the catalog asked soon what the index lacks.
    pub(crate) fn look_again(&self) {
        self.again.store(true, Ordering::Release);
    }

    pub(super) fn is_to_look_again(&self) -> bool {
        self.again.swap(false, Ordering::AcqRel)
    }

    /// Makes writing with events of these domains stop within some milliseconds, until the guard is dropped.
    pub(crate) fn interrupt(&self, domains: impl Iterator<Item = Domain>) -> Interrupted<'_> {
        let domains: Vec<_> = domains.collect();
        let mut inner = self.inner.lock();
        for domain in &domains {
            *inner.interrupts.entry(*domain).or_default() += 1;
        }
        drop(inner);
        Interrupted {
            indexing: self,
            domains,
        }
    }

    pub(super) fn is_one_interrupted(&self, domains: &[Domain]) -> bool {
        let inner = self.inner.lock();
        domains
            .iter()
            .any(|domain| inner.interrupts.contains_key(domain))
    }

    /// Returns the days that are due, the newest first: all that have waited this long.
    pub(super) fn due(&self, waited: Duration) -> Vec<Due> {
        let now = Instant::now();
        let inner = self.inner.lock();
        let is_due = |waiting: &Waiting| match waiting.not_before {
            Some(not_before) => now >= not_before,
            None => now.duration_since(waiting.since) >= waited,
        };
        let due = inner
            .waiting
            .iter()
            .filter(|(key, waiting)| is_due(waiting) && !inner.interrupts.contains_key(&key.0));
        let due = due.map(|(key, waiting)| Due {
            domain: key.0,
            day: key.1,
            number: waiting.number,
        });
        let mut due: Vec<_> = due.collect();
        due.sort_unstable_by_key(|one| (std::cmp::Reverse(one.day), one.domain));
        due
    }

    /// Records that the index has all that it can have of a day, as of when it was due: it stays when it was noted since.
    pub(super) fn done(&self, due: Due) {
        let mut inner = self.inner.lock();
        let key = (due.domain, due.day);
        if inner
            .waiting
            .get(&key)
            .is_some_and(|now| now.number == due.number)
        {
            inner.waiting.remove(&key);
        }
    }

    /// Has a day tried again after this time. No other day waits for it.
    pub(super) fn put_off(&self, due: Due, after: Duration) {
        let mut inner = self.inner.lock();
        if let Some(waiting) = inner.waiting.get_mut(&(due.domain, due.day)) {
            waiting.not_before = Instant::now().checked_add(after);
        }
    }

    /// Leaves an object out that cannot be read.
    pub(super) fn leave_out(&self, object: ObjectId) {
        self.inner.lock().unsound.insert(object);
    }

    pub(super) fn unsound(&self) -> HashSet<ObjectId> {
        self.inner.lock().unsound.clone()
    }

    /// Tries all again, also what could not be read.
    pub(super) fn forget_failures(&self) {
        let mut inner = self.inner.lock();
        inner.unsound.clear();
        for waiting in inner.waiting.values_mut() {
            waiting.not_before = None;
        }
    }

    pub(super) fn is_found(&self) -> bool {
        self.is_found.load(Ordering::Acquire)
    }

    pub(super) fn note_found(&self) {
        self.is_found.store(true, Ordering::Release);
    }

    /// Returns what the index lacks now.
    pub(crate) fn progress(&self) -> IndexProgress {
        let inner = self.inner.lock();
        let waiting = inner.waiting.values();
        let since = waiting.clone().map(|waiting| waiting.since).min();
        IndexProgress {
            waiting_days: inner.waiting.len() as u64,
            failing_days: waiting.filter(|one| one.not_before.is_some()).count() as u64,
            waiting_for: since.map_or(Duration::ZERO, |since| since.elapsed()),
        }
    }
}
