//! Measures how much time has passed, independently of the date of the machine's clock. Pure: callers pass the clock's
//! two readings, and it stores nothing itself.
//!
//! Two lines advance with the reading that only measures ([`Elapsed`]). `passed` is a date: the one up to which time is
//! known to have passed. Bytes that are erased at a date are erased only when the machine's clock and this line have
//! both reached it. `ages` never jumps and never goes back: a lifetime that begins at a creation or a use is stamped
//! and measured by it.
//!
//! Where the date is ahead of `passed`, because somebody set the clock, the machine was suspended or the server did not
//! run, `passed` catches up at most as fast as time passes: a span is believed once the server has run for the same
//! time. A date that returns to `passed` agrees at once. An operator who knows that the date is right moves `passed`
//! ([`Passage::resume`]).

use std::time::Duration;

use jiff::SignedDuration;

use crate::{Elapsed, Moment, Timestamp};

/// Dates that differ by no more than this agree: clocks drift, and are corrected.
pub const TOLERANCE: SignedDuration = SignedDuration::from_hours(1);
/// A downtime of up to this length is believed at once.
const DOWNTIME: SignedDuration = SignedDuration::from_hours(24);
/// A date that stays behind the line for this long counts as the right one.
const BELIEVED_BEHIND_AFTER: Duration = Duration::from_secs(86_400);
/// atrail did not exist before: a clock with an earlier date was never set (2017-01-01).
const NEVER_SET_BEFORE_SECS: i64 = 1_483_228_800;

/// The lines when they were last stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The date up to which time was known to have passed.
    pub passed: Timestamp,
    /// The clock of ages.
    pub ages: Timestamp,
}

/// The knowledge of the passed time.
#[derive(Debug)]
pub struct Passage {
    seen: Elapsed,
    passed: Timestamp,
    ages: Timestamp,
    behind_since: Option<Elapsed>,
}

/// One reading of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The date of the machine's clock.
    pub date: Timestamp,
    /// The date up to which time is known to have passed.
    pub passed: Timestamp,
    /// The clock of ages.
    pub ages: Timestamp,
}

impl Now {
    /// Returns the date for erasures: no later than the machine's clock, and no later than time is known to have
    /// passed.
    pub fn certain(&self) -> Timestamp {
        self.date.min(self.passed)
    }

    /// Returns how far the clock is ahead of the passed time; negative when it is behind.
    pub fn ahead(&self) -> SignedDuration {
        self.date.duration_since(self.passed)
    }

    /// Reports whether the clock agrees with the passed time.
    pub fn agrees(&self) -> bool {
        self.ahead().abs() <= TOLERANCE
    }
}

impl Passage {
    /// Continues from the record of an earlier process. Without one, `newest` is the latest moment of which the
    /// directory has a trace; without any trace, the clock is believed. `highest_age` is the latest recorded age.
    pub fn begin(
        kept: Option<Kept>,
        newest: Option<Timestamp>,
        highest_age: Timestamp,
        now: Moment,
    ) -> Self {
        let (passed, ages) = match (kept, newest) {
            (Some(kept), _) => (kept.passed, kept.ages),
            (None, Some(newest)) => (newest, newest),
            (None, None) => (now.date, now.date),
        };
        let mut passage = Self {
            seen: now.elapsed,
            passed,
            ages: ages.max(highest_age),
            behind_since: None,
        };
        let missed = now.date.duration_since(passed);
        if missed > SignedDuration::ZERO && missed <= DOWNTIME {
            passage.passed = now.date;
            passage.ages = later(passage.ages, missed);
        }
        passage
    }

    /// Reads the clock.
    pub fn look(&mut self, now: Moment) -> Now {
        let since = signed(now.elapsed.since(self.seen));
        self.seen = self.seen.max(now.elapsed);
        self.passed = later(self.passed, since);
        self.ages = later(self.ages, since);
        let ahead = now.date.duration_since(self.passed);
        if ahead >= SignedDuration::ZERO {
            let caught_up = ahead.min(since);
            self.passed = later(self.passed, caught_up);
        }
        if self.passed.as_second() < NEVER_SET_BEFORE_SECS {
            self.passed = now.date;
        }
        if ahead >= -TOLERANCE {
            self.behind_since = None;
            self.passed = if ahead < SignedDuration::ZERO {
                now.date
            } else {
                self.passed
            };
        } else {
            let since = *self.behind_since.get_or_insert(now.elapsed);
            if now.elapsed.since(since) >= BELIEVED_BEHIND_AFTER {
                self.behind_since = None;
                self.passed = now.date;
            }
        }
        Now {
            date: now.date,
            passed: self.passed,
            ages: self.ages,
        }
    }

    /// Accepts that the machine's clock is right: from now on time is known to have passed up to its date.
    pub fn resume(&mut self, now: Moment) -> Now {
        self.look(now);
        self.passed = now.date;
        self.behind_since = None;
        self.look(now)
    }

    /// Returns the record from which a later process continues.
    pub const fn kept(&self) -> Kept {
        Kept {
            passed: self.passed,
            ages: self.ages,
        }
    }
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}

fn later(moment: Timestamp, span: SignedDuration) -> Timestamp {
    moment.checked_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
