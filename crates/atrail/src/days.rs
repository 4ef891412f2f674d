//! The days and hours that a command covers: turns flags into inclusive UTC days.

use std::str::FromStr;

use atrail_model::{Day, DayRange, Hours, Timestamp};
use clap::Args;

use crate::error::{CliError, Result};

/// A day as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayWord {
    /// The current UTC day.
    Today,
    /// The UTC day before.
    Yesterday,
    /// A day by its date.
    Date(Day),
}

impl FromStr for DayWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "today" => Ok(Self::Today),
            "yesterday" => Ok(Self::Yesterday),
            date => date
                .parse()
                .map(Self::Date)
                .map_err(|_| "expected YYYY-MM-DD, today or yesterday (UTC)".to_owned()),
        }
    }
}

impl DayWord {
    fn resolve(self, today: Day) -> Day {
        match self {
            Self::Today => today,
            Self::Yesterday => today.minus(1),
            Self::Date(day) => day,
        }
    }
}

/// The flags `-s` and `-e`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct DayFlags {
    /// First day: YYYY-MM-DD, today or yesterday (UTC, inclusive)
    #[arg(short = 's', long, value_name = "DAY")]
    pub(crate) start: Option<DayWord>,
    /// Last day, inclusive
    #[arg(short = 'e', long, value_name = "DAY")]
    pub(crate) end: Option<DayWord>,
}

/// The meaning of no flags, or of one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayDefault {
    /// The current day; the end alone means that day.
    OneDay,
    /// Two weeks: the last day and the 13 before it.
    TwoWeeks,
}

impl DayFlags {
    /// Resolves the flags to days at this moment. The start alone runs to today.
    pub(crate) fn resolve(self, default: DayDefault, now: Timestamp) -> Result<DayRange> {
        let today = Day::of(now).ok_or_else(|| {
            CliError::usage("this machine's clock is outside 1970-01-01 to 2149-06-06")
        })?;
        let end = self.end.map_or(today, |day| day.resolve(today));
        let start = match (self.start, default) {
            (Some(day), _) => day.resolve(today),
            (None, DayDefault::OneDay) => end,
            (None, DayDefault::TwoWeeks) => end.minus(13),
        };
        DayRange::new(start, end).ok_or_else(|| {
            CliError::usage(format!("the start {start} is after the end {end}"))
                .hint("days are inclusive and UTC; swap them, or give -e too")
        })
    }

    /// Returns whether both days were given.
    pub(crate) const fn are_both_given(self) -> bool {
        self.start.is_some() && self.end.is_some()
    }
}

/// The flags of every command that accepts a scope with hours.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct ScopeFlags {
    #[command(flatten)]
    pub(crate) days: DayFlags,
    /// Hours of each day: 7, or 0-23 (UTC, inclusive)
    #[arg(short = 'T', long, value_name = "HOURS")]
    pub(crate) search_time: Option<Hours>,
    /// The whole account: its own domain and every space
    #[arg(short = 'a', long)]
    pub(crate) at_account_level: bool,
}

impl ScopeFlags {
    /// Returns whether any of them was given.
    pub(crate) const fn is_any_given(self) -> bool {
        self.days.start.is_some()
            || self.days.end.is_some()
            || self.search_time.is_some()
            || self.at_account_level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(start: Option<&str>, end: Option<&str>, default: DayDefault) -> Result<String> {
        let word = |text: &str| text.parse().unwrap();
        let flags = DayFlags {
            start: start.map(word),
            end: end.map(word),
        };
        let now = "2026-11-22T23:59:59Z".parse().unwrap();
        let range = flags.resolve(default, now)?;
        Ok(format!("{}..{}", range.start(), range.end()))
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        use DayDefault::{OneDay, TwoWeeks};
        for (start, end, default, expected) in [
            (None, None, OneDay, "2026-11-22..2026-11-22"),
            (Some("2026-11-20"), None, OneDay, "2026-11-20..2026-11-22"),
            (None, Some("2026-11-20"), OneDay, "2026-11-20..2026-11-20"),
            (
                Some("yesterday"),
                Some("today"),
                OneDay,
                "2026-11-21..2026-11-22",
            ),
            (None, None, TwoWeeks, "2026-11-09..2026-11-22"),
            (None, Some("2026-11-20"), TwoWeeks, "2026-11-07..2026-11-20"),
            (Some("2017-01-01"), None, TwoWeeks, "2017-01-01..2026-11-22"),
        ] {
            assert_eq!(days(start, end, default).unwrap(), expected);
        }
    }

    #[test]
    fn a_start_after_the_end_is_a_usage_error() {
        let error = days(Some("today"), Some("yesterday"), DayDefault::OneDay).unwrap_err();
        assert_eq!(error.exit as u8, 2);
        assert!("tomorrow".parse::<DayWord>().is_err());
    }
}
