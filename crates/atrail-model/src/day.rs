//! UTC days and ranges of them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Span, Timestamp};

use crate::clock::whole_seconds;

/// A UTC day, written `YYYY-MM-DD`.
///
/// Invariant: a valid date of the proleptic Gregorian calendar from 1970-01-01 to 2149-06-06.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

/// The text is not a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a day: expected YYYY-MM-DD from 1970-01-01 to 2149-06-06")]
pub struct ParseDayError;

const EPOCH: Date = Date::constant(1970, 1, 1);
const LAST_NUMBER: u32 = 65_535;

impl Day {
    /// The first supported day, 1970-01-01.
    pub const FIRST: Self = Self(0);
    /// The last supported day, 2149-06-06: the last with a 16-bit number, as `docs/EVIDENCE.md` requires.
    pub const LAST: Self = Self(LAST_NUMBER);

    /// Returns the day of a time; `None` before the first and after the last supported day.
    #[must_use]
    pub fn of(moment: Timestamp) -> Option<Self> {
        let number = whole_seconds(moment).div_euclid(86_400);
        Self::from_number(u32::try_from(number).ok()?)
    }

    /// Returns the day with this many days since 1970-01-01; `None` after the last supported day.
    #[must_use]
    pub fn from_number(days_since_epoch: u32) -> Option<Self> {
        (days_since_epoch <= LAST_NUMBER).then_some(Self(days_since_epoch))
    }

    /// Returns the number of days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Returns the day this many days earlier, or the first supported day.
    #[must_use]
    pub const fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }

    fn date(self) -> Date {
        EPOCH.saturating_add(Span::new().days(self.0))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(
            f,
            "{:04}-{:02}-{:02}",
            date.year(),
            date.month(),
            date.day()
        )
    }
}

impl FromStr for Day {
    type Err = ParseDayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape_ok = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| match i {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shape_ok {
            return Err(ParseDayError);
        }
        let part =
            |from: usize, to: usize| text[from..to].parse::<i16>().map_err(|_| ParseDayError);
        let narrow = |n: i16| i8::try_from(n).map_err(|_| ParseDayError);
        let date = Date::new(part(0, 4)?, narrow(part(5, 7)?)?, narrow(part(8, 10)?)?)
            .map_err(|_| ParseDayError)?;
        let days = EPOCH.until(date).map_err(|_| ParseDayError)?.get_days();
        u32::try_from(days)
            .ok()
            .and_then(Self::from_number)
            .ok_or(ParseDayError)
    }
}

/// An inclusive range of days. Invariant: `start <= end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DayRange {
    start: Day,
    end: Day,
}

impl DayRange {
    /// Returns the days from `start` to `end`, both included; `None` when `start` is after `end`.
    #[must_use]
    pub fn new(start: Day, end: Day) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    /// Returns the first day.
    #[must_use]
    pub const fn start(self) -> Day {
        self.start
    }

    /// Returns the last day.
    #[must_use]
    pub const fn end(self) -> Day {
        self.end
    }

    /// Returns whether the range contains the day.
    #[must_use]
    pub fn contains(self, day: Day) -> bool {
        self.start <= day && day <= self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes_from_the_first_day_to_the_last() {
        for number in (0..=LAST_NUMBER).step_by(997).chain([LAST_NUMBER]) {
            let day = Day::from_number(number).unwrap();
            assert_eq!(day.to_string().parse::<Day>(), Ok(day));
        }
        assert_eq!(Day::LAST.to_string(), "2149-06-06");
        assert_eq!(Day::from_number(LAST_NUMBER + 1), None);
    }

    #[test]
    fn refuses_what_is_no_day() {
        for text in [
            "",
            "2017-7-24",
            "2017-02-29",
            "2017-13-01",
            "1969-12-31",
            "2017-07-24 ",
            "２017-07-2",
        ] {
            assert_eq!(text.parse::<Day>(), Err(ParseDayError), "{text:?}");
        }
    }

    #[test]
    fn a_moment_lies_in_its_utc_day() {
        let moment: Timestamp = "2017-10-19T23:59:59.999-01:00".parse().unwrap();
        assert_eq!(Day::of(moment).unwrap().to_string(), "2017-10-20");
        for before in [-1_000_000_000, -999_999_999, -1] {
            let moment = Timestamp::from_nanosecond(before).unwrap();
            assert_eq!(Day::of(moment), None, "{moment}");
        }
        assert_eq!(Day::of(Timestamp::UNIX_EPOCH), Some(Day::FIRST));
        let end: Timestamp = "2149-06-06T23:59:59.999999999Z".parse().unwrap();
        assert_eq!(Day::of(end), Some(Day::LAST));
    }
}
