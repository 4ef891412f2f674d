//! How much time has passed, told apart from what the machine's clock says of it. Pure: it is told what the clock's two hands
//! show, and keeps nothing itself.
//!
//! Two lines go on with the hand that only measures ([`Elapsed`]). `passed` is a date: the one up to which time is known to have
//! passed. What is erased because a date has come is erased only when the machine's clock and this line both are there. `ages`
//! never jumps and never goes back: what ends some time after it was made or used is stamped by it and told by it.
//!
//! Where the date is ahead of `passed`, because somebody set the clock, the machine was suspended or the server did not run, `passed`
//! catches up at most as fast as time passes: a span is believed once the server has run as long again. A date that comes back to
//! it agrees at once. An operator who knows better moves it ([`Passage::resume`]).

use std::time::Duration;

use atrail_model::{Elapsed, Moment, Timestamp};
use jiff::SignedDuration;

/// Dates that are no further apart agree: clocks drift, and are corrected.
pub(crate) const TOLERANCE: SignedDuration = SignedDuration::from_hours(1);
/// A server that did not run for so long is believed that it did not.
const DOWNTIME: SignedDuration = SignedDuration::from_hours(24);
/// A date that stays behind the line for so long is taken as the right one.
const BELIEVED_BEHIND_AFTER: Duration = Duration::from_secs(86_400);
/// There was no atrail before: a clock that stands earlier was never set (2017-01-01).
const NEVER_SET_BEFORE_SECS: i64 = 1_483_228_800;

/// What the lines were when they were last kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) passed: Timestamp,
    pub(crate) ages: Timestamp,
}

/// What is known of the time that passed.
#[derive(Debug)]
pub(crate) struct Passage {
    seen: Elapsed,
    passed: Timestamp,
    ages: Timestamp,
    behind_since: Option<Elapsed>,
}

/// One look at the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// As the machine's clock is set.
    pub(crate) date: Timestamp,
    /// The date up to which time is known to have passed.
    pub(crate) passed: Timestamp,
    /// The clock of ages.
    pub(crate) ages: Timestamp,
}

impl Now {
    /// The date that erasing goes by: no later than the clock is set, and no later than time is known to have passed.
    pub(crate) fn certain(&self) -> Timestamp {
        self.date.min(self.passed)
    }

    /// How far the clock is ahead of the time that passed; negative when it is behind.
    pub(crate) fn ahead(&self) -> SignedDuration {
        self.date.duration_since(self.passed)
    }

    /// Whether the clock agrees with the time that passed.
    pub(crate) fn agrees(&self) -> bool {
        self.ahead().abs() <= TOLERANCE
    }
}

impl Passage {
    /// Goes on from what an earlier process kept. Without that, `newest` is the latest moment of which the directory has a trace;
    /// one without any believes the clock. `highest_age` is the latest that was noted.
    pub(crate) fn begin(
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

    /// Looks at the clock.
    pub(crate) fn look(&mut self, now: Moment) -> Now {
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

    /// The machine's clock is right: from now on time is known to have passed up to its date.
    pub(crate) fn resume(&mut self, now: Moment) -> Now {
        self.look(now);
        self.passed = now.date;
        self.behind_since = None;
        self.look(now)
    }

    /// What a later process goes on from.
    pub(crate) const fn kept(&self) -> Kept {
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
