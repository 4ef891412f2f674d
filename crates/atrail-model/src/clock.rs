//! The clock as a value, so that tests can set it and nothing below the top reads the system's.

use std::sync::Mutex;
use std::time::Duration;

pub use jiff::Timestamp;

/// Tells the time. The only way to it: nothing reads the system's clock directly.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// This moment, in UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads the clock"
        )]
        Timestamp::now()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that stands at `moment`.
    #[must_use]
    pub const fn new(moment: Timestamp) -> Self {
        Self(Mutex::new(moment))
    }

    /// Moves the clock ahead.
    ///
    /// # Panics
    /// When the new time is after the year 9999.
    pub fn advance(&self, by: Duration) {
        let mut now = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now
            .checked_add(by)
            .expect("a manual clock stays before the year 10000");
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Writes a moment as RFC 3339 in UTC with nine fraction digits: `2017-07-25T10:29:28.541092735Z`.
#[must_use]
pub fn format_timestamp(moment: Timestamp) -> String {
    format!("{moment:.9}")
}

/// The whole seconds since 1970-01-01 UTC, rounded down, also before it: half a second before is in second -1.
#[must_use]
pub fn whole_seconds(moment: Timestamp) -> i64 {
    // The library rounds toward zero, and then the fraction is negative.
    moment.as_second() - i64::from(moment.subsec_nanosecond() < 0)
}
