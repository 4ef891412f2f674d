//! When an API key expires, as people write it.

use std::str::FromStr;

use atrail_model::{Day, Timestamp};

use crate::error::{CliError, Result};

/// When a key expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// This many seconds after its creation.
    After(u64),
    /// At the end of this UTC day.
    EndOf(Day),
}

const SECONDS_OF_A_DAY: u64 = 86_400;

impl FromStr for Expiry {
    type Err = String;

    /// Parses a number of days, a duration in days or hours, or a day.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(day) = text.parse() {
            return Ok(Self::EndOf(day));
        }
        let (digits, unit) = match (text.strip_suffix('d'), text.strip_suffix('h')) {
            (Some(days), _) => (days, SECONDS_OF_A_DAY),
            (_, Some(hours)) => (hours, 3600),
            _ => (text, SECONDS_OF_A_DAY),
        };
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse::<u64>().ok().filter(|_| is_number);
        number
            .filter(|number| *number > 0)
            .and_then(|number| number.checked_mul(unit))
            .map(Self::After)
            .ok_or_else(|| {
                "expected days (90 or 90d), hours (12h) or the last day (YYYY-MM-DD, UTC)"
                    .to_owned()
            })
    }
}

impl Expiry {
    /// Returns the seconds from now until the key expires.
    pub(crate) fn seconds(self, now: Timestamp) -> Result<u64> {
        match self {
            Self::After(seconds) => Ok(seconds),
            Self::EndOf(day) => {
                let end = (u64::from(day.number()) + 1) * SECONDS_OF_A_DAY;
                let left = u64::try_from(now.as_second())
                    .ok()
                    .and_then(|now| end.checked_sub(now))
                    .filter(|left| *left > 0);
                left.ok_or_else(|| {
                    CliError::usage(format!("--expires: the day {day} is over (UTC)"))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_days_hours_or_a_day() {
        let now: Timestamp = "2026-11-26T22:00:00.5Z".parse().unwrap();
        for (text, expected) in [
            ("90", 90 * 86_400),
            ("90d", 90 * 86_400),
            ("12h", 12 * 3600),
            ("2026-11-26", 2 * 3600),
            ("2026-11-27", 26 * 3600),
        ] {
            let expiry: Expiry = text.parse().unwrap();
            assert_eq!(expiry.seconds(now).unwrap(), expected, "{text}");
        }
        let over: Expiry = "2026-11-25".parse().unwrap();
        let error = over.seconds(now).unwrap_err();
        assert!(error.to_string().contains("2026-11-25"), "{error}");
    }

    #[test]
    fn what_is_no_expiry_is_refused() {
        for wrong in [
            "",
            "0",
            "0d",
            "d",
            "h",
            "-1",
            "+1",
            "1.5d",
            "90s",
            "9 d",
            "2026-13-01",
            "soon",
            "99999999999999999999",
            "18446744073709551615d",
        ] {
            assert!(wrong.parse::<Expiry>().is_err(), "{wrong}");
        }
    }
}
