//! The times that a search covers: days, instants, or a span before now.

use std::str::FromStr;

use atrail_model::event::read_event_time;
use atrail_model::{Day, Timestamp};
use clap::Args;

use crate::days::{DayDefault, DayFlags, DayWord};
use crate::error::{CliError, Result};

/// A time as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// A day, or a span of days.
    Day(DayWord),
    /// An instant.
    Instant(Timestamp),
    /// So many seconds ago.
    Ago(i64),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(day) = text.parse() {
            return Ok(Self::Day(day));
        }
        if let Some(instant) = read_event_time(text) {
            return Ok(Self::Instant(instant));
        }
        ago(text).map(Self::Ago).ok_or_else(|| {
            "expected a day (YYYY-MM-DD, today, yesterday, 7d, YYYY-MM, last-week, last-month), \
             a time such as 2026-11-20T14:30:00Z, or 2h or 30m (ago)"
                .to_owned()
        })
    }
}

/// Parses `2h` or `30m`; returns seconds.
fn ago(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        'h' => 3600,
        'm' => 60,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = is_number.then(|| digits.parse().ok())??;
    number.checked_mul(seconds)
}

impl When {
    /// Returns the edge where this is the beginning of something that goes on to the present.
    pub(crate) fn as_start(self, now: Timestamp) -> Result<Edge> {
        let start = match self {
            Self::Instant(instant) => Edge::Instant(instant),
            Self::Ago(seconds) => Edge::Instant(before(now, seconds)?),
            Self::Day(day) => Edge::Day(first_day(day, now)?),
        };
        if start.first() > now {
            return Err(CliError::usage(format!(
                "{} is in the future",
                start.text()
            )));
        }
        Ok(start)
    }
}

/// Returns the instant so many seconds ago.
fn before(now: Timestamp, seconds: i64) -> Result<Timestamp> {
    let second = now.as_second().checked_sub(seconds);
    second
        .and_then(|second| Timestamp::from_second(second).ok())
        .ok_or_else(|| CliError::usage("this time lies before the year -9999"))
}

/// The flags `-s`, `-e` and `--day` of a command that accepts instants, too.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct WhenFlags {
    /// From here on: a day (YYYY-MM-DD, today, yesterday, 7d, YYYY-MM, last-week, last-month), a time
    /// (2026-11-20T14:30:00Z), or 2h or 30m (ago); UTC [default: 13 days before the last day]
    #[arg(short = 's', long, value_name = "WHEN")]
    pub(crate) start: Option<When>,
    /// Up to here: a day, inclusive, or a time, exclusive [default: today]
    #[arg(short = 'e', long, value_name = "WHEN")]
    pub(crate) end: Option<When>,
    /// First and last day in one: `--day yesterday`, `--day last-month`
    #[arg(long, value_name = "DAY", conflicts_with_all = ["start", "end"])]
    pub(crate) day: Option<DayWord>,
}

/// One end of the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// A day: all of it belongs to the times.
    Day(Day),
    /// An instant: the first one, or the first one that no longer belongs to the times.
    Instant(Timestamp),
}

impl Edge {
    /// Writes the edge as the API reads it.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::Instant(instant) => instant.to_string(),
        }
    }

    /// Returns the first instant, where this is the beginning.
    pub(crate) fn first(self) -> Timestamp {
        match self {
            Self::Day(day) => midnight(day.number().into()),
            Self::Instant(instant) => instant,
        }
    }

    /// Returns the first instant that no longer belongs to the times, where this is the end.
    pub(crate) fn behind(self) -> Timestamp {
        match self {
            Self::Day(day) => midnight(i64::from(day.number()) + 1),
            Self::Instant(instant) => instant,
        }
    }
}

/// Returns the first instant of a day by its number since 1970-01-01.
fn midnight(day: i64) -> Timestamp {
    Timestamp::from_second(day * 86_400).unwrap_or(Timestamp::MAX)
}

impl WhenFlags {
    /// Returns whether any was given.
    pub(crate) const fn is_any_given(self) -> bool {
        self.day.is_some() || self.start.is_some() || self.end.is_some()
    }

    /// Resolves the flags to a beginning and an end. The default is two weeks; a start alone runs to today.
    pub(crate) fn resolve(self, now: Timestamp) -> Result<(Edge, Edge)> {
        let days = |start, end| {
            let flags = DayFlags {
                start,
                end,
                day: self.day,
            };
            flags.resolve(DayDefault::TwoWeeks, now)
        };
        let end = match self.end {
            Some(When::Instant(instant)) => Edge::Instant(instant),
            Some(When::Ago(seconds)) => Edge::Instant(before(now, seconds)?),
            Some(When::Day(day)) => Edge::Day(days(None, Some(day))?.end()),
            None => Edge::Day(days(None, None)?.end()),
        };
        let start = match self.start {
            Some(When::Instant(instant)) => Edge::Instant(instant),
            Some(When::Ago(seconds)) => Edge::Instant(before(now, seconds)?),
            Some(When::Day(day)) => Edge::Day(first_day(day, now)?),
            None => match self.day {
                Some(_) => Edge::Day(days(None, None)?.start()),
                None => Edge::Day(two_weeks_before(end)?),
            },
        };
        if start.first() >= end.behind() {
            let (start, end) = (start.text(), end.text());
            return Err(
                CliError::usage(format!("the start {start} is not before the end {end}"))
                    .hint("days are inclusive, times end just before -e, and both are UTC"),
            );
        }
        Ok((start, end))
    }
}

fn first_day(word: DayWord, now: Timestamp) -> Result<Day> {
    let flags = DayFlags {
        day: Some(word),
        ..DayFlags::default()
    };
    Ok(flags.resolve(DayDefault::OneDay, now)?.start())
}

fn two_weeks_before(end: Edge) -> Result<Day> {
    let last = match end {
        Edge::Day(day) => Some(day),
        Edge::Instant(instant) => Day::of(instant),
    };
    last.map(|day| day.minus(13))
        .ok_or_else(|| CliError::usage("the end lies outside 1970-01-01 to 2149-06-06"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(start: Option<&str>, end: Option<&str>, day: Option<&str>) -> Result<String> {
        let flags = WhenFlags {
            start: start.map(|text| text.parse().unwrap()),
            end: end.map(|text| text.parse().unwrap()),
            day: day.map(|text| text.parse().unwrap()),
        };
        let (start, end) = flags.resolve("2026-11-22T10:30:15Z".parse().unwrap())?;
        let (from, to) = (start.first(), end.behind());
        Ok(format!("{} {} {from} {to}", start.text(), end.text()))
    }

    #[test]
    fn days_are_whole_and_times_are_half_open() {
        for (start, end, day, expected) in [
            (
                None,
                None,
                None,
                "2026-11-09 2026-11-22 2026-11-09T00:00:00Z 2026-11-23T00:00:00Z",
            ),
            (
                Some("yesterday"),
                None,
                None,
                "2026-11-21 2026-11-22 2026-11-21T00:00:00Z 2026-11-23T00:00:00Z",
            ),
            (
                None,
                Some("2026-10"),
                None,
                "2026-10-18 2026-10-31 2026-10-18T00:00:00Z 2026-11-01T00:00:00Z",
            ),
            (
                None,
                None,
                Some("last-week"),
                "2026-11-09 2026-11-15 2026-11-09T00:00:00Z 2026-11-16T00:00:00Z",
            ),
            (
                Some("2h"),
                None,
                None,
                "2026-11-22T08:30:15Z 2026-11-22 2026-11-22T08:30:15Z 2026-11-23T00:00:00Z",
            ),
            (
                Some("2026-11-20T14:30:00+01:00"),
                Some("30m"),
                None,
                "2026-11-20T13:30:00Z 2026-11-22T10:00:15Z 2026-11-20T13:30:00Z 2026-11-22T10:00:15Z",
            ),
            (
                None,
                Some("2026-11-20T14:30:00.25Z"),
                None,
                "2026-11-07 2026-11-20T14:30:00.25Z 2026-11-07T00:00:00Z 2026-11-20T14:30:00.25Z",
            ),
        ] {
            assert_eq!(resolved(start, end, day).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in [
            "",
            "m",
            "-2h",
            "2s",
            "h",
            "1.5h",
            "tomorrow",
            "2026-11-20T",
            "99999999999999999999h",
        ] {
            assert!(wrong.parse::<When>().is_err(), "{wrong}");
        }
        for (start, end) in [
            ("today", "yesterday"),
            ("30m", "2h"),
            ("2026-11-20T14:30:00Z", "2026-11-20T14:30:00Z"),
        ] {
            let error = resolved(Some(start), Some(end), None).unwrap_err();
            assert_eq!(error.exit as u8, 2, "{start} {end}");
        }
    }
}
