//! Times as products write them.

use atrail_model::event::read_event_time;
use atrail_model::{Day, Timestamp};

/// Reads a time that an event may have: a text in a form of `eventTime`, or a count since 1970, in the unit that its size
/// shows: seconds, milliseconds, microseconds or nanoseconds, with a fraction or without.
#[must_use]
pub fn read_time(text: &str) -> Option<Timestamp> {
    Unit::Any.read(text.trim())
}

/// The unit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A text in a form of `eventTime`, or a number whose size shows the unit: seconds up to the year 5138, and
    /// milliseconds, microseconds or nanoseconds from 1973 on.
    Any,
    /// Only a text, as RFC 3339 or in another form of `eventTime`.
    Text,
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    /// Returns the unit of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "any" => Self::Any,
            "rfc3339" | "text" => Self::Text,
            "s" => Self::Seconds,
            "ms" => Self::Millis,
            "us" => Self::Micros,
            "ns" => Self::Nanos,
            _ => return None,
        })
    }

    /// Reads a time that an event may have; `None` for any other text.
    pub(super) fn read(self, text: &str) -> Option<Timestamp> {
        let time = match self {
            Self::Text => read_event_time(text),
            // No number has a hyphen there.
            Self::Any if text.as_bytes().get(4) == Some(&b'-') => read_event_time(text),
            Self::Any => match number(text) {
                Some(number) => Self::of_size(number).timestamp(number),
                None => read_event_time(text),
            },
            _ => self.timestamp(number(text)?),
        };
        time.filter(|time| is_possible(*time))
    }

    /// Returns the unit in which a number is a time of this century or a near one.
    const fn of_size(number: Decimal) -> Self {
        match number.whole {
            ..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Millis,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Micros,
            _ => Self::Nanos,
        }
    }

    fn timestamp(self, number: Decimal) -> Option<Timestamp> {
        let nanos: i128 = match self {
            Self::Any | Self::Text => return None,
            Self::Seconds => 1_000_000_000,
            Self::Millis => 1_000_000,
            Self::Micros => 1_000,
            Self::Nanos => 1,
        };
        let fraction = i128::from(number.billionths) * nanos / 1_000_000_000;
        Timestamp::from_nanosecond(i128::from(number.whole) * nanos + fraction).ok()
    }
}

/// Reports whether an event may have this time.
pub(crate) fn is_possible(time: Timestamp) -> bool {
    time >= Timestamp::UNIX_EPOCH && Day::of(time).is_some()
}

/// A decimal number that is not negative.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    whole: i64,
    billionths: u32,
}

fn number(text: &str) -> Option<Decimal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) {
        return exponent(text);
    }
    if !(fraction.is_empty() || are_digits(fraction)) {
        return exponent(text);
    }
    let billionths = format!("{fraction:0<9}");
    Some(Decimal {
        whole: whole.parse().ok()?,
        billionths: billionths[..9].parse().ok()?,
    })
}

/// Reads a number such as `1.7e12`, which some writers of JSON print.
fn exponent(text: &str) -> Option<Decimal> {
    let is_number = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    if !text.contains(['e', 'E']) || !text.bytes().all(is_number) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    // Far inside the range of whole numbers that an f64 represents exactly.
    (0.0..1e15).contains(&number).then_some(Decimal {
        whole: number as i64,
        billionths: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_times() {
        let expected = "2021-05-18T02:31:58.553Z";
        for (text, unit) in [
            ("1621305118553", Unit::Any),
            ("1621305118.553", Unit::Any),
            ("1621305118553000", Unit::Any),
            ("1621305118553000000", Unit::Any),
            ("1.621305118553e12", Unit::Any),
            ("1621305118553000000.", Unit::Any),
            ("1621305118553000.0009", Unit::Any),
            ("1621305118553.0000009", Unit::Any),
            ("1621305118.5530000009", Unit::Any),
            ("1621305118553", Unit::Millis),
            ("1621305118.553", Unit::Seconds),
            ("2021-05-18 02:31:58.553", Unit::Any),
            ("2021-05-18T04:31:58.553+02:00", Unit::Text),
        ] {
            let time = unit.read(text).map(|time| time.to_string());
            assert_eq!(time.as_deref(), Some(expected), "{text}");
        }
        for (text, unit) in [
            ("", Unit::Any),
            ("-1", Unit::Any),
            ("yesterday", Unit::Any),
            ("1969-12-31T23:59:59Z", Unit::Text),
            ("1621305118553", Unit::Text),
            ("99999999999999999999", Unit::Any),
            ("1e400", Unit::Any),
            ("1.x", Unit::Any),
            ("1.2.3", Unit::Any),
            ("true", Unit::Any),
            ("253402300799", Unit::Seconds),
        ] {
            assert_eq!(unit.read(text), None, "{text}");
        }
    }
}
