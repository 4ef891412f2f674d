//! `--since`: a day or an instant.

use std::str::FromStr;

use atrail_model::{Timestamp, format_timestamp};

use crate::days::DayWord;
use crate::error::Result;

/// When the first event may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// From the beginning of a day on.
    Day(DayWord),
    /// From an instant on.
    Instant(Timestamp),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let instant = || text.parse().ok().map(Self::Instant);
        let day = text.parse().map(Self::Day);
        day.or_else(|why: String| {
            instant().ok_or_else(|| format!("{why}, or an instant such as 2026-11-20T07:00:00Z"))
        })
    }
}

impl Since {
    /// Returns the day or the instant as the server reads it.
    pub(super) fn text(self, now: Timestamp) -> Result<String> {
        match self {
            Self::Day(word) => Ok(word.first(now)?.to_string()),
            Self::Instant(instant) => Ok(format_timestamp(instant)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_instants_are_read_and_nothing_else() {
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("today", "2026-11-20"),
            ("3d", "2026-11-17"),
            ("2026-11", "2026-11-01"),
            ("2026-11-19", "2026-11-19"),
            ("2026-11-19T07:00:00Z", "2026-11-19T07:00:00.000000000Z"),
            (
                "2026-11-19T07:00:00+01:00",
                "2026-11-19T06:00:00.000000000Z",
            ),
        ] {
            let since: Since = text.parse().unwrap();
            assert_eq!(since.text(now).unwrap(), expected);
        }
        for text in ["", "soon", "2026-13-01", "7"] {
            assert!(text.parse::<Since>().is_err(), "{text:?}");
        }
    }
}
