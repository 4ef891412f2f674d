//! Dates in ISO 8601.

use atrail_model::Timestamp;
use jiff::ToSpan;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::unit::{Unit, in_zone};

/// A date, as exactly as it was written: all instants from `first` on and before `after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    /// The first instant.
    pub(crate) first: Timestamp,
    /// The first instant that is later than the date.
    pub(crate) after: Timestamp,
}

/// Returns a single instant.
pub(super) fn instant(time: Timestamp) -> Date {
    let after = time.checked_add(1.nanosecond()).unwrap_or(Timestamp::MAX);
    Date { first: time, after }
}

/// Returns the seconds of an offset: `+hh:mm`, `+hhmm` or `+hh`.
pub(super) fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = rest.split(':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (&digits[..], "0"),
        4 if digits.is_ascii() => digits.split_at(2),
        _ => return None,
    };
    let whole = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse::<i32>().ok())
    };
    Some(sign * (whole(hours)?? * 3600 + whole(minutes)?? * 60))
}

/// Reads ISO 8601 that may end after any of its parts: `2026`, `2026-11-01`, `2026-11-01T10:00`, …; without an offset in
/// this zone.
pub(super) fn iso(text: &str, zone: &TimeZone) -> Option<Date> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = parts
        .next()
        .map(|part| digits(part, 2).ok_or(()))
        .transpose()
        .ok()?;
    let day = parts
        .next()
        .map(|part| digits(part, 2).ok_or(()))
        .transpose()
        .ok()?;
    if parts.next().is_some() || (time.is_some() && day.is_none()) {
        return None;
    }
    let date = jiff::civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month.unwrap_or(1)).ok()?,
        i8::try_from(day.unwrap_or(1)).ok()?,
    )
    .ok()?;
    let Some(time) = time.filter(|time| !time.is_empty()) else {
        let unit = match (month, day) {
            (None, _) => Unit::Year,
            (_, None) => Unit::Month,
            _ => Unit::Day,
        };
        return civil(date.at(0, 0, 0, 0), unit, zone);
    };
    let (time, zone) = with_offset(time, zone)?;
    let (time, fraction) = match time.split_once(['.', ',']) {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (time, None),
    };
    let mut parts = time.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = parts
        .next()
        .map(|part| digits(part, 2).ok_or(()))
        .transpose()
        .ok()?;
    let second = parts
        .next()
        .map(|part| digits(part, 2).ok_or(()))
        .transpose()
        .ok()?;
    if parts.next().is_some() || (fraction.is_some() && second.is_none()) {
        return None;
    }
    let small = |part: Option<i64>| i8::try_from(part.unwrap_or(0)).ok();
    let at = |nanos| {
        let time =
            jiff::civil::Time::new(small(Some(hour))?, small(minute)?, small(second)?, nanos);
        Some(date.to_datetime(time.ok()?))
    };
    let Some(fraction) = fraction else {
        let unit = match (minute, second) {
            (None, _) => Unit::Hour,
            (_, None) => Unit::Minute,
            _ => Unit::Second,
        };
        return civil(at(0)?, unit, &zone);
    };
    if !(1..=9).contains(&fraction.len()) {
        return None;
    }
    let nanos = digits(&format!("{fraction:0<9}"), 9)?;
    let at = at(i32::try_from(nanos).ok()?)?;
    if fraction.len() <= 3 {
        civil(at, Unit::Millisecond, &zone)
    } else {
        in_zone(at, &zone).map(instant)
    }
}

/// Splits the offset from the end of a time.
fn with_offset<'a>(time: &'a str, zone: &TimeZone) -> Option<(&'a str, TimeZone)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, TimeZone::UTC));
    }
    match time.find(['+', '-']) {
        None => Some((time, zone.clone())),
        Some(at) => {
            let seconds = offset(&time[at..])?;
            let zone = TimeZone::fixed(Offset::from_seconds(seconds).ok()?);
            Some((&time[..at], zone))
        }
    }
}

fn civil(first: DateTime, unit: Unit, zone: &TimeZone) -> Option<Date> {
    Some(Date {
        first: in_zone(first, zone)?,
        after: in_zone(unit.later(first, 1)?, zone)?,
    })
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let is_right = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_right.then(|| text.parse().ok()).flatten()
}
