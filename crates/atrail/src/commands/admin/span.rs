//! A length of time, as people write it.

use std::str::FromStr;

/// A length of time in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(u64);

/// The units and their seconds, longest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

impl FromStr for Span {
    type Err = String;

    /// Parses a number of days, hours, minutes or seconds: `2d`, `12h`, `30m`, `90s`; or `0`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "expected days (2d), hours (12h), minutes (30m), or 0".to_owned();
        if text == "0" {
            return Ok(Self(0));
        }
        let unit = UNITS.iter().find(|(letter, _)| text.ends_with(*letter));
        let (_, seconds) = unit.ok_or_else(wrong)?;
        let digits = &text[..text.len() - 1];
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse::<u64>().ok().filter(|_| is_number);
        number
            .and_then(|number| number.checked_mul(*seconds))
            .map(Self)
            .ok_or_else(wrong)
    }
}

impl Span {
    /// Returns its seconds.
    pub(crate) const fn seconds(self) -> u64 {
        self.0
    }

    /// Writes seconds in the longest unit that divides them.
    pub(crate) fn shown(seconds: u64) -> String {
        let fits = |(_, unit): &&(char, u64)| seconds.is_multiple_of(*unit) && seconds > 0;
        match UNITS.iter().find(fits) {
            Some((letter, unit)) => format!("{}{letter}", seconds / unit),
            None => seconds.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_and_writes() {
        for (text, seconds) in [
            ("0", 0),
            ("2d", 172_800),
            ("36h", 129_600),
            ("30m", 1800),
            ("90s", 90),
        ] {
            assert_eq!(text.parse(), Ok(Span(seconds)), "{text}");
            assert_eq!(Span::shown(seconds), text);
        }
        assert_eq!(Span::shown(7200), "2h");
        for wrong in [
            "",
            "d",
            "1",
            "-1d",
            "+1d",
            "1.5h",
            "1w",
            "é",
            "9 d",
            "99999999999999999999d",
            "999999999999999999d",
        ] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
