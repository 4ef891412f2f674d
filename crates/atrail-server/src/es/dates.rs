//! Dates as Elasticsearch's clients write them: milliseconds since 1970, ISO 8601 texts that may end early, and date math.

mod iso;
mod unit;

use atrail_model::{Timestamp, format_timestamp};
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;

pub(crate) use iso::Date;
pub(crate) use unit::{Unit, in_zone};

use iso::{instant, iso, offset};

use super::json::whole;
use super::refusal::Refusal;

/// How dates are written, in requests and in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    /// ISO 8601, with milliseconds in answers; a number is milliseconds since 1970.
    #[default]
    Iso,
    /// ISO 8601, with nanoseconds in answers.
    IsoNanos,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Seconds since 1970.
    EpochSecond,
}

impl Format {
    /// Returns the format with this name; of several alternatives, the first.
    pub(crate) fn named(names: &str) -> Result<Self, Refusal> {
        let mut formats = names.split("||").map(|name| match name {
            "epoch_millis" => Ok(Self::EpochMillis),
            "epoch_second" => Ok(Self::EpochSecond),
            "strict_date_optional_time_nanos" => Ok(Self::IsoNanos),
            "strict_date_optional_time" | "date_optional_time" | "strict_date_time" | "date_time"
            | "iso8601" => Ok(Self::Iso),
            other => Err(Refusal::illegal(format!(
                "the date format [{other}] is not supported: use epoch_millis, epoch_second, strict_date_optional_time or strict_date_optional_time_nanos"
            ))),
        });
        let first = formats.next().unwrap_or(Ok(Self::Iso))?;
        formats.try_for_each(|other| other.map(drop))?;
        Ok(first)
    }

    /// Writes an instant.
    pub(crate) fn write(self, time: Timestamp) -> String {
        match self {
            Self::Iso => iso_millis(time),
            Self::IsoNanos => format_timestamp(time),
            Self::EpochMillis => millis(time).to_string(),
            Self::EpochSecond => time.as_second().to_string(),
        }
    }
}

/// Returns an instant in whole milliseconds since 1970, rounded down.
pub(crate) fn millis(time: Timestamp) -> i64 {
    let nanos = time.as_nanosecond().div_euclid(1_000_000);
    i64::try_from(nanos).expect("the instants of the calendar fit in milliseconds")
}

/// Returns the instant so many milliseconds after 1970; an instant outside of the calendar becomes its end.
pub(crate) fn at_millis(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn iso_millis(time: Timestamp) -> String {
    format!("{:.3}", at_millis(millis(time)))
}

/// Returns the time zone with this name, or of this offset, such as `+02:00`.
pub(crate) fn zone(name: &str) -> Result<TimeZone, Refusal> {
    if name.eq_ignore_ascii_case("utc") || name == "Z" {
        return Ok(TimeZone::UTC);
    }
    if let Some(seconds) = offset(name) {
        return Offset::from_seconds(seconds)
            .map(TimeZone::fixed)
            .map_err(|_| unknown_zone(name));
    }
    TimeZone::get(name).map_err(|_| unknown_zone(name))
}

fn unknown_zone(name: &str) -> Refusal {
    Refusal::illegal(format!("the time zone [{name}] is unknown"))
}

/// Reads a date.
pub(crate) fn read(
    value: &Value,
    format: Format,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Date, Refusal> {
    let unreadable = || Refusal::parsing(format!("failed to parse the date [{value}]"));
    match value {
        Value::Number(_) => whole(value).and_then(|number| of_number(number, format)),
        Value::String(text) => of_text(text, format, zone, now),
        _ => None,
    }
    .ok_or_else(unreadable)
}

fn of_number(number: i64, format: Format) -> Option<Date> {
    let (first, after) = match format {
        Format::EpochSecond => (
            number.checked_mul(1000)?,
            number.checked_add(1)?.checked_mul(1000)?,
        ),
        _ => (number, number.checked_add(1)?),
    };
    Some(Date {
        first: at_millis(first),
        after: at_millis(after),
    })
}

fn of_text(text: &str, format: Format, zone: &TimeZone, now: Timestamp) -> Option<Date> {
    if let Some(math) = text.strip_prefix("now") {
        return calculated(instant(now), math, zone);
    }
    let (anchor, math) = text.split_once("||").unwrap_or((text, ""));
    let digits = anchor.strip_prefix('-').unwrap_or(anchor);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Four digits alone are a year, unless the format is a number's.
    let is_year = digits.len() == 4 && anchor == digits;
    let is_epoch = matches!(format, Format::EpochMillis | Format::EpochSecond);
    let date = if is_number && (is_epoch || !is_year) {
        of_number(anchor.parse().ok()?, format)?
    } else {
        iso(anchor, zone)?
    };
    calculated(date, math, zone)
}

/// Applies date math: `+1d`, `-3M`, `/w`, one after the other.
fn calculated(date: Date, math: &str, zone: &TimeZone) -> Option<Date> {
    let mut date = date;
    let mut rest = math;
    while let Some(operator) = rest.chars().next() {
        rest = &rest[operator.len_utf8()..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count = match &rest[..digits] {
            "" => 1,
            digits => digits.parse::<i64>().ok()?,
        };
        rest = &rest[digits..];
        let letter = rest.chars().next()?;
        rest = &rest[letter.len_utf8()..];
        let unit = Unit::of_letter(letter)?;
        let shifted =
            |time: Timestamp, count| in_zone(unit.later(zone.to_datetime(time), count)?, zone);
        date = match operator {
            '+' | '-' => {
                let count = if operator == '-' { -count } else { count };
                Date {
                    first: shifted(date.first, count)?,
                    after: shifted(date.after, count)?,
                }
            }
            '/' if digits == 0 => {
                let first = unit.floor(zone.to_datetime(date.first))?;
                Date {
                    first: in_zone(first, zone)?,
                    after: in_zone(unit.later(first, 1)?, zone)?,
                }
            }
            _ => return None,
        };
    }
    Some(date)
}

#[cfg(test)]
mod tests;
