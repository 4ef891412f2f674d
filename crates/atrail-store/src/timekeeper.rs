//! The store's time: the one place that detects a jump of the machine's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use atrail_catalog::Catalog;
use atrail_disk::Result;
use atrail_model::passage::{Now, Passage};
use atrail_model::{Clock, Timestamp, format_timestamp};
use parking_lot::Mutex;

/// Reads the clock for all erasures, and records how much time has passed.
#[derive(Debug)]
pub(crate) struct Timekeeper {
    clock: Arc<dyn Clock>,
    passage: Mutex<Passage>,
    /// Whether the clock disagreed at the last check.
    disagreed: Mutex<bool>,
    jumps: AtomicU64,
    /// Whether a clock that was ahead may have left stamps since the last cleanup.
    was_ahead: AtomicBool,
}

/// The machine's clock compared with the time that the store knows to have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeStatus {
    /// The date of the machine's clock.
    pub date: Timestamp,
    /// The date up to which time is known to have passed: nothing is erased because a later date has come.
    pub passed: Timestamp,
    /// The disagreement, unless the two agree.
    pub disagreement: Option<Disagreement>,
    /// How often the clock began to disagree since the store was opened.
    pub jumps: u64,
}

impl TimeStatus {
    /// Returns the latest possible date: the clock's, or the passed time where the clock is behind it.
    #[must_use]
    pub fn latest(&self) -> Timestamp {
        self.date.max(self.passed)
    }
}

/// How the machine's clock disagrees with the time that passed, by an hour or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disagreement {
    /// It is ahead by this much: days that are due only by the clock wait.
    Ahead(Duration),
    /// It is behind by this much.
    Behind(Duration),
}

impl Timekeeper {
    /// Continues from the record of an earlier process in the catalog.
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
            // It is unknown what the previous process saw.
            was_ahead: AtomicBool::new(true),
        };
        this.watch();
        Ok(this)
    }

    pub(crate) fn read(&self) -> Now {
        let mut passage = self.passage.lock();
        // Under the lock, so that readings are in the order of their moments.
        passage.look(self.clock.moment())
    }

    /// Returns the present moment on the clock of ages.
    pub(crate) fn age(&self) -> Timestamp {
        self.read().ages
    }

    /// Logs when the clock begins or ceases to disagree with the passed time.
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
            // While the clock is behind, nothing shows which stamps are from a clock that was ahead.
            let is_ahead = now.ahead().is_positive();
            self.was_ahead.store(is_ahead, Ordering::Relaxed);
            tracing::warn!(
                clock,
                passed,
                "the machine's clock jumped, or the server did not run for days: retention deletes nothing that is due only by \
                 the clock until time has passed up to it, or until an operator confirms that the clock is right (atrail admin retention \
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

    /// Records that there may be stamps of a clock that was ahead.
    pub(crate) fn may_have_been_ahead(&self) {
        self.was_ahead.store(true, Ordering::Relaxed);
    }

    /// Returns the date, once, when the clock agrees again after it was ahead: for the cleanup of stamps from that
    /// time.
    pub(crate) fn right_again(&self) -> Option<Timestamp> {
        let now = self.read();
        let is_right = now.agrees() && self.was_ahead.swap(false, Ordering::Relaxed);
        is_right.then_some(now.date)
    }

    /// Records the passed time for the next process.
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

    /// Makes time count as passed up to the date of the machine's clock.
    pub(crate) fn resume(&self) {
        self.passage.lock().resume(self.clock.moment());
        self.watch();
    }
}
