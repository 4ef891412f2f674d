//! Where the store tells time: the one place that notices a machine's clock that jumped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use atrail_model::{Clock, Timestamp, format_timestamp};
use parking_lot::Mutex;

use crate::catalog::Catalog;
use crate::error::Result;
use crate::passage::{Now, Passage};

/// Reads the clock for whatever erases, and remembers how much time has passed.
#[derive(Debug)]
pub(crate) struct Timekeeper {
    clock: Arc<dyn Clock>,
    passage: Mutex<Passage>,
    /// Whether the clock disagreed when it was last watched.
    disagreed: Mutex<bool>,
    jumps: AtomicU64,
    /// Whether something may have been stamped by a clock that was ahead since that was last cleaned up.
    was_ahead: AtomicBool,
}

/// How the machine's clock stands to the time that the store knows to have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeStatus {
    /// As the machine's clock is set.
    pub date: Timestamp,
    /// The date up to which time is known to have passed: nothing is erased because a later date has come.
    pub passed: Timestamp,
    /// What is wrong, unless the two agree.
    pub disagreement: Option<Disagreement>,
    /// How often the clock began to disagree since the store was opened.
    pub jumps: u64,
}

impl TimeStatus {
    /// The latest date that it can be: by the clock, or by the time that passed where the clock is behind that.
    #[must_use]
    pub fn latest(&self) -> Timestamp {
        self.date.max(self.passed)
    }
}

/// How the machine's clock disagrees with the time that passed, by an hour or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disagreement {
    /// It is ahead by this much: what retention makes due by it waits.
    Ahead(Duration),
    /// It is behind by this much.
    Behind(Duration),
}

impl Timekeeper {
    /// Goes on from what an earlier process left in the catalog.
    pub(crate) async fn open(catalog: &Catalog, clock: Arc<dyn Clock>) -> Result<Self> {
        let kept = catalog.kept_clock().await?;
        let newest = match kept {
            Some(_) => None,
            None => catalog.newest_trace().await?,
        };
        let highest_age = catalog.highest_age().await?;
        let passage = Passage::begin(kept, newest, highest_age, clock.moment());
        let this = Self {
            clock,
            passage: Mutex::new(passage),
            disagreed: Mutex::default(),
            jumps: AtomicU64::default(),
            // Who knows what the process before saw.
            was_ahead: AtomicBool::new(true),
        };
        this.watch();
        Ok(this)
    }

    pub(crate) fn read(&self) -> Now {
        let mut passage = self.passage.lock();
        // Under the lock, so that looks come in the order of their moments.
        passage.look(self.clock.moment())
    }

    /// This moment on the clock of ages.
    pub(crate) fn age(&self) -> Timestamp {
        self.read().ages
    }

    /// Says so when the clock begins or ceases to disagree with the time that passed.
    pub(crate) fn watch(&self) {
        let now = self.read();
        let mut disagreed = self.disagreed.lock();
        if *disagreed != now.agrees() {
            return;
        }
        *disagreed = !*disagreed;
        let (clock, passed) = (format_timestamp(now.date), format_timestamp(now.passed));
        if *disagreed {
            self.jumps.fetch_add(1, Ordering::Relaxed);
            // A clock that is behind cannot tell which stamps are of one that was ahead.
            let is_ahead = now.ahead().is_positive();
            self.was_ahead.store(is_ahead, Ordering::Relaxed);
            tracing::warn!(
                clock,
                passed,
                "the machine's clock jumped, or the server did not run for days: retention deletes nothing that is due only by \
                 the clock until time has passed up to it, or until an operator says that the clock is right (atrail admin retention \
                 resume)"
            );
        } else {
            tracing::info!(
                clock,
                passed,
                "the machine's clock agrees with the time that passed"
            );
        }
    }

    /// Something may bear the stamp of a clock that was ahead.
    pub(crate) fn may_have_been_ahead(&self) {
        self.was_ahead.store(true, Ordering::Relaxed);
    }

    /// The date, once after a time in which the clock was ahead and now agrees: for what undoes the stamps of that time.
    pub(crate) fn right_again(&self) -> Option<Timestamp> {
        let now = self.read();
        let is_right = now.agrees() && self.was_ahead.swap(false, Ordering::Relaxed);
        is_right.then_some(now.date)
    }

    /// Keeps what is known for the next process.
    pub(crate) async fn keep(&self, catalog: &Catalog) -> Result<()> {
        self.read();
        let kept = self.passage.lock().kept();
        catalog.keep_clock(kept).await
    }

    pub(crate) fn status(&self) -> TimeStatus {
        let now = self.read();
        let by = now.ahead().unsigned_abs();
        let disagreement = match (now.agrees(), now.ahead().is_positive()) {
            (true, _) => None,
            (false, true) => Some(Disagreement::Ahead(by)),
            (false, false) => Some(Disagreement::Behind(by)),
        };
        TimeStatus {
            date: now.date,
            passed: now.passed,
            disagreement,
            jumps: self.jumps.load(Ordering::Relaxed),
        }
    }

    /// From now on time counts as passed up to the machine's clock.
    pub(crate) fn resume(&self) {
        self.passage.lock().resume(self.clock.moment());
        self.watch();
    }
}
