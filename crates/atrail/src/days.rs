//! The days and hours that a command covers: turns flags into inclusive UTC days.

use std::str::FromStr;

use atrail_model::{Day, DayRange, Hours, Timestamp};
use clap::Args;

use crate::error::{CliError, Result};

/// A day, or a span of days, as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayWord {
    /// The current UTC day.
    Today,
    /// The UTC day before.
    Yesterday,
    /// The UTC day this many days ago.
    Ago(u32),
    /// A day by its date.
    Date(Day),
    /// The days of a month by its name.
    Month(DayRange),
    /// The last whole week before the current one, Monday to Sunday (ISO 8601).
    LastWeek,
    /// The last whole month before the current one.
    LastMonth,
}

impl FromStr for DayWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ago = || {
            let digits = text.strip_suffix('d')?;
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse().ok())?
        };
        match text {
            "today" => Ok(Self::Today),
            "yesterday" => Ok(Self::Yesterday),
            "last-week" => Ok(Self::LastWeek),
            "last-month" => Ok(Self::LastMonth),
            other => other
                .parse()
                .ok()
                .map(Self::Date)
                .or_else(|| ago().map(Self::Ago))
                .or_else(|| month(other).map(Self::Month))
                .ok_or_else(|| {
                    "expected YYYY-MM-DD, today, yesterday, 7d (days ago), YYYY-MM, last-week or last-month (UTC)"
                        .to_owned()
                }),
        }
    }
}

impl DayWord {
    /// Returns the first day that the word means.
    pub(crate) fn first(self, now: Timestamp) -> Result<Day> {
        Ok(self.resolve(today(now)?).start())
    }

    /// Returns the first and the last day that the word means.
    fn resolve(self, today: Day) -> DayRange {
        let one = |day| DayRange::new(day, day);
        let span = match self {
            Self::Today => one(today),
            Self::Yesterday => one(today.minus(1)),
            Self::Ago(days) => one(today.minus(days)),
            Self::Date(day) => one(day),
            Self::Month(days) => Some(days),
            Self::LastWeek => {
                // 1970-01-01, day 0, was a Thursday.
                let monday = today.minus((today.number() + 3) % 7);
                DayRange::new(monday.minus(7), monday.minus(1))
            }
            Self::LastMonth => {
                let last = first_of_month(today).minus(1);
                DayRange::new(first_of_month(last), last)
            }
        };
        span.expect("the first day of a span is not after its last")
    }
}

/// Returns the UTC day of this moment.
fn today(now: Timestamp) -> Result<Day> {
    Day::of(now)
        .ok_or_else(|| CliError::usage("this machine's clock is outside 1970-01-01 to 2149-06-06"))
}

/// Parses `YYYY-MM`.
fn month(text: &str) -> Option<DayRange> {
    let first: Day = format!("{text}-01").parse().ok()?;
    let (year, month) = text.split_once('-')?;
    let (year, month): (u32, u32) = (year.parse().ok()?, month.parse().ok()?);
    let next = match month {
        12 => format!("{:04}-01-01", year + 1),
        _ => format!("{year:04}-{:02}-01", month + 1),
    };
    // The month of the last supported day ends with it.
    let last = next.parse::<Day>().map_or(Day::LAST, |day| day.minus(1));
    DayRange::new(first, last)
}

fn first_of_month(day: Day) -> Day {
    let text = day.to_string();
    format!("{}-01", &text[..7]).parse().unwrap_or(Day::FIRST)
}

/// The help of `-s` where the default is one day.
pub(crate) const START_HELP_ONE_DAY: &str = "First day: YYYY-MM-DD, today, yesterday, 7d (7 days ago), YYYY-MM, last-week or last-month \
    (UTC, inclusive) [default: the last day]";
/// The help of `-s` where the default is two weeks.
pub(crate) const START_HELP_TWO_WEEKS: &str = "First day: YYYY-MM-DD, today, yesterday, 7d (7 days ago), YYYY-MM, last-week or last-month \
    (UTC, inclusive) [default: 13 days before the last]";

/// The flags `-s`, `-e` and `--day`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct DayFlags {
    /// First day: YYYY-MM-DD, today, yesterday, 7d (7 days ago), YYYY-MM, last-week or last-month (UTC, inclusive)
    #[arg(short = 's', long, value_name = "DAY")]
    pub(crate) start: Option<DayWord>,
    /// Last day, inclusive [default: today]
    #[arg(short = 'e', long, value_name = "DAY")]
    pub(crate) end: Option<DayWord>,
    /// First and last day in one: `--day yesterday`, `--day last-month`
    #[arg(long, value_name = "DAY", conflicts_with_all = ["start", "end"])]
    pub(crate) day: Option<DayWord>,
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
        let today = today(now)?;
        if let Some(day) = self.day {
            return Ok(day.resolve(today));
        }
        let last = self.end.unwrap_or(DayWord::Today).resolve(today);
        let end = last.end();
        let start = match (self.start, default) {
            (Some(day), _) => day.resolve(today).start(),
            (None, DayDefault::OneDay) => last.start(),
            (None, DayDefault::TwoWeeks) => end.minus(13),
        };
        DayRange::new(start, end).ok_or_else(|| {
            CliError::usage(format!("the start {start} is after the end {end}"))
                .hint("days are inclusive and UTC; swap them, or give -e too")
        })
    }

    /// Returns whether both days were given.
    pub(crate) const fn are_both_given(self) -> bool {
        self.day.is_some() || self.start.is_some() && self.end.is_some()
    }

    /// Returns whether any day was given.
    pub(crate) const fn is_any_given(self) -> bool {
        self.day.is_some() || self.start.is_some() || self.end.is_some()
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
        self.days.is_any_given() || self.search_time.is_some() || self.at_account_level
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
            day: None,
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
            (Some("7d"), None, OneDay, "2026-11-15..2026-11-22"),
            (
                Some("2026-10"),
                Some("2026-10"),
                OneDay,
                "2026-10-01..2026-10-31",
            ),
            (None, Some("2026-10"), OneDay, "2026-10-01..2026-10-31"),
            (None, Some("2026-10"), TwoWeeks, "2026-10-18..2026-10-31"),
            (Some("last-week"), None, OneDay, "2026-11-09..2026-11-22"),
        ] {
            assert_eq!(days(start, end, default).unwrap(), expected);
        }
    }

    #[test]
    fn one_word_is_both_ends() {
        for (now, word, expected) in [
            ("2026-11-22", "today", "2026-11-22..2026-11-22"),
            ("2026-11-22", "yesterday", "2026-11-21..2026-11-21"),
            ("2026-11-22", "0d", "2026-11-22..2026-11-22"),
            ("2026-11-22", "30d", "2026-10-23..2026-10-23"),
            // A Sunday still belongs to the week of the Monday before it.
            ("2026-11-22", "last-week", "2026-11-09..2026-11-15"),
            ("2026-11-23", "last-week", "2026-11-16..2026-11-22"),
            ("2026-11-22", "last-month", "2026-10-01..2026-10-31"),
            ("2024-03-31", "last-month", "2024-02-01..2024-02-29"),
            ("2026-01-01", "last-month", "2025-12-01..2025-12-31"),
            ("2026-11-22", "2023-02", "2023-02-01..2023-02-28"),
            ("2026-11-22", "2026-12", "2026-12-01..2026-12-31"),
            ("2026-11-22", "2149-06", "2149-06-01..2149-06-06"),
        ] {
            let flags = DayFlags {
                day: Some(word.parse().unwrap()),
                ..DayFlags::default()
            };
            let now = format!("{now}T12:00:00Z").parse().unwrap();
            let range = flags.resolve(DayDefault::OneDay, now).unwrap();
            let days = format!("{}..{}", range.start(), range.end());
            assert_eq!(days, expected, "{word}");
            assert!(flags.are_both_given());
        }
        for wrong in ["d", "-7d", "7", "2026-13", "2026-1", "week", "+7d", "1.5d"] {
            assert!(wrong.parse::<DayWord>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_start_after_the_end_is_a_usage_error() {
        let error = days(Some("today"), Some("yesterday"), DayDefault::OneDay).unwrap_err();
        assert_eq!(error.exit as u8, 2);
        assert!("tomorrow".parse::<DayWord>().is_err());
    }
}
