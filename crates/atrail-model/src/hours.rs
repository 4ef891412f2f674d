//! Hours of a UTC day.

use std::fmt;
use std::str::FromStr;

/// An hour of a UTC day, 0 to 23.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(u8);

impl Hour {
    /// Returns the hour with this number; `None` above 23.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (number <= 23).then_some(Self(number))
    }

    /// Returns the number, 0 to 23.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Hour {
    /// Writes two digits, as in paths.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// An inclusive range of hours, applied to each day of a scope. Invariant: `first <= last <= 23`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hours {
    first: u8,
    last: u8,
}

/// The text is not a range of hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a search time: expected an hour such as 7, or a range such as 0-23")]
pub struct ParseHoursError;

impl Hours {
    /// The whole day, 0 to 23.
    pub const ALL: Self = Self { first: 0, last: 23 };

    /// Returns the hours from `first` to `last`, both included; `None` unless `first <= last`.
    #[must_use]
    pub fn new(first: Hour, last: Hour) -> Option<Self> {
        (first <= last).then_some(Self {
            first: first.0,
            last: last.0,
        })
    }

    /// Returns the first hour.
    #[must_use]
    pub const fn first(self) -> Hour {
        Hour(self.first)
    }

    /// Returns the last hour.
    #[must_use]
    pub const fn last(self) -> Hour {
        Hour(self.last)
    }

    /// Returns whether the range contains the hour.
    #[must_use]
    pub fn contains(self, hour: Hour) -> bool {
        self.first <= hour.0 && hour.0 <= self.last
    }

    /// Returns whether the two ranges have an hour in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl FromStr for Hours {
    type Err = ParseHoursError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hour = |part: &str| {
            let digits =
                !part.is_empty() && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
            let number = digits.then(|| part.parse().ok()).flatten();
            number.and_then(Hour::new).ok_or(ParseHoursError)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Self::new(hour(first)?, hour(last)?).ok_or(ParseHoursError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_hour_and_a_range() {
        assert_eq!("7".parse::<Hours>().unwrap().to_string(), "7");
        assert_eq!("07".parse::<Hours>().unwrap().to_string(), "7");
        assert_eq!("0-23".parse::<Hours>().unwrap(), Hours::ALL);
        for text in ["", "24", "5-3", "-1", "1-", "1-2-3", "+1", "007", "1 - 2"] {
            assert_eq!(text.parse::<Hours>(), Err(ParseHoursError), "{text:?}");
        }
    }
}
