//! The clock as a value, so that tests can set it and only the top of the program reads the system's.
//!
//! A clock has two hands. [`Clock::now`] is the date: people see it, it survives restarts, and anybody who sets the
//! machine's clock moves it, by years and in either direction. [`Clock::elapsed`] only measures: it never goes back and
//! nobody sets it, but it starts again with every process. Use elapsed time for a wait, a rate, a window or the age of
//! something in memory; use a date for a time that is shown or stored.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

pub use jiff::Timestamp;

/// Reads the time. All code reads the system's clock through this trait.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Returns the current date and time in UTC, as the machine's clock is set.
    fn now(&self) -> Timestamp;

    /// Returns how long this process has run, unaffected by changes of the machine's clock. Time during which the
    /// machine was suspended may be missing.
    fn elapsed(&self) -> Elapsed {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        Elapsed(FIRST.get_or_init(Instant::now).elapsed())
    }

    /// Reads both hands at once.
    fn moment(&self) -> Moment {
        Moment {
            date: self.now(),
            elapsed: self.elapsed(),
        }
    }
}

/// A point in the run of a process, by a clock that never goes back. Two of them can be compared; neither is a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Elapsed(Duration);

impl Elapsed {
    /// Returns the point at this time after the first one of the process.
    #[must_use]
    pub const fn new(since_the_first: Duration) -> Self {
        Self(since_the_first)
    }

    /// Returns how long ago `earlier` was; zero when it was not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the point that is this much later.
    #[must_use]
    pub const fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

/// One reading of both hands of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The date, as the machine's clock is set.
    pub date: Timestamp,
    /// How long the process has run.
    pub elapsed: Elapsed,
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

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock(Mutex<Hands>);

#[derive(Debug, Clone, Copy)]
struct Hands {
    date: Timestamp,
    elapsed: Elapsed,
}

impl ManualClock {
    /// Returns a clock whose date is `moment`.
    #[must_use]
    pub const fn new(moment: Timestamp) -> Self {
        Self(Mutex::new(Hands {
            date: moment,
            elapsed: Elapsed(Duration::ZERO),
        }))
    }

    /// Lets time pass: both hands advance.
    ///
    /// # Panics
    /// When the new time is after the year 9999.
    pub fn advance(&self, by: Duration) {
        self.with(|hands| {
            hands.date = hands
                .date
                .checked_add(by)
                .expect("a manual clock stays before the year 10000");
            hands.elapsed = hands.elapsed.after(by);
        });
    }

    /// Sets the date, ahead or back, without letting time pass, as when somebody sets the machine's clock.
    pub fn set(&self, moment: Timestamp) {
        self.with(|hands| hands.date = moment);
    }

    /// Lets time pass while the date stands still.
    pub fn run(&self, by: Duration) {
        self.with(|hands| hands.elapsed = hands.elapsed.after(by));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Hands) -> T) -> T {
        let mut hands = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        work(&mut hands)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.with(|hands| hands.date)
    }

    fn elapsed(&self) -> Elapsed {
        self.with(|hands| hands.elapsed)
    }
}

/// Formats a time as RFC 3339 in UTC with nine fraction digits: `2017-07-25T10:29:28.541092735Z`.
#[must_use]
pub fn format_timestamp(moment: Timestamp) -> String {
    format!("{moment:.9}")
}

/// Returns the whole seconds since 1970-01-01 UTC, rounded down, also for earlier times: half a second before is in
/// second -1.
#[must_use]
pub fn whole_seconds(moment: Timestamp) -> i64 {
    // The library rounds toward zero, and then the fraction is negative.
    moment.as_second() - i64::from(moment.subsec_nanosecond() < 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_hands_of_a_manual_clock_move_apart() {
        let start: Timestamp = "2017-07-25T10:00:00Z".parse().unwrap();
        let (second, year) = (Duration::from_secs(1), Duration::from_secs(31_536_000));
        let clock = ManualClock::new(start);
        let first = clock.elapsed();
        clock.advance(second);
        assert_eq!(
            (clock.now(), clock.elapsed().since(first)),
            (start + second, second)
        );
        clock.set(start + year);
        assert_eq!(
            (clock.now(), clock.elapsed().since(first)),
            (start + year, second)
        );
        clock.run(year);
        assert_eq!(
            (clock.now(), clock.elapsed().since(first)),
            (start + year, second + year)
        );
    }

    #[test]
    fn the_machines_clock_measures() {
        let (one, another) = (SystemClock.elapsed(), SystemClock.elapsed());
        assert!(one <= another);
        std::thread::sleep(Duration::from_millis(2));
        assert!(SystemClock.elapsed().since(another) >= Duration::from_millis(2));
        assert_eq!(
            one.since(SystemClock.elapsed()),
            Duration::ZERO,
            "nothing is before it began"
        );
        assert_eq!(
            one.after(Duration::MAX).since(one.after(Duration::MAX)),
            Duration::ZERO
        );
    }
}
