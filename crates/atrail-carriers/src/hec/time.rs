//! The `time` of an object: seconds since 1970 with a fraction, as a number or its text; milliseconds and finer units by
//! mistake.

use atrail_model::Timestamp;

/// The number of digits of a second's fraction that count.
const FRACTION_DIGITS: usize = 9;
/// From here on, a number is no count of seconds: the year 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;
const MICROSECONDS_FROM: i64 = MILLISECONDS_FROM * 1_000;
const NANOSECONDS_FROM: i64 = MICROSECONDS_FROM * 1_000;

/// Returns the time of a decimal number, such as `1795675589.747`. The digits count as they stand, without rounding to a
/// binary number. A text of another form is no time.
#[must_use]
pub fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    let digits = fraction.as_bytes();
    if whole < 0 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (per_second, more_digits) = match whole {
        NANOSECONDS_FROM.. => (1_000_000_000, 0),
        MICROSECONDS_FROM.. => (1_000_000, 3),
        MILLISECONDS_FROM.. => (1_000, 6),
        _ => (1, FRACTION_DIGITS),
    };
    let within = (0..more_digits).fold(0, |number, at| {
        let digit = digits.get(at).map_or(0, |digit| i64::from(digit - b'0'));
        number * 10 + digit
    });
    let nanos = whole % per_second * (1_000_000_000 / per_second) + within;
    Timestamp::new(whole / per_second, i32::try_from(nanos).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_time_in_the_unit_that_its_size_shows() {
        for (text, expected) in [
            ("1795675589", "2026-11-26T06:46:29Z"),
            ("1795675589.747", "2026-11-26T06:46:29.747Z"),
            ("1795675589.123456789", "2026-11-26T06:46:29.123456789Z"),
            ("1795675589.1234567894", "2026-11-26T06:46:29.123456789Z"),
            (" 1795675589. ", "2026-11-26T06:46:29Z"),
            ("1795675589747", "2026-11-26T06:46:29.747Z"),
            ("1795675589747.25", "2026-11-26T06:46:29.74725Z"),
            ("1795675589747001", "2026-11-26T06:46:29.747001Z"),
            ("1795675589747001002", "2026-11-26T06:46:29.747001002Z"),
            ("0", "1970-01-01T00:00:00Z"),
        ] {
            let found = time(text).map(|time| time.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "now",
            "-1",
            "1.x",
            "1e9",
            "1.2.3",
            "99999999999999999999",
            "true",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
