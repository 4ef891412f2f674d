//! Times in a query.

use atrail_model::{Day, Timestamp};

use crate::TimeRange;

/// Length of a day in seconds.
const DAY_SECONDS: i64 = 86_400;
/// Length of a second in nanoseconds.
const SECOND_NANOS: i128 = 1_000_000_000;

/// Returns the stretch that a written time stands for, which is one of its last unit: a day, a minute, a second or a
/// part of a second. A time of day without a zone is UTC.
pub(super) fn span(text: &str) -> Option<TimeRange> {
    if let Ok(day) = text.parse::<Day>() {
        let seconds = i64::from(day.number()) * DAY_SECONDS;
        return Some(TimeRange {
            from: Timestamp::from_second(seconds).ok()?,
            to: Timestamp::from_second(seconds + DAY_SECONDS).ok()?,
        });
    }
    let from = atrail_model::event::read_event_time(text)?;
    let to = from.as_nanosecond().checked_add(unit_nanos(text)?)?;
    let to = Timestamp::from_nanosecond(to).ok()?;
    Some(TimeRange { from, to })
}

/// Returns the length of the last unit that is written.
fn unit_nanos(text: &str) -> Option<i128> {
    const DATE_BYTES: usize = "2026-11-01T".len();
    let clock = text.get(DATE_BYTES..)?;
    let is_clock = |c: char| c.is_ascii_digit() || matches!(c, ':' | '.' | ',' | ' ');
    let clock = clock.split(|c| !is_clock(c)).next()?.trim_end();
    let fraction = clock.split(['.', ',']).nth(1);
    let colons = clock.matches(':').count();
    Some(match (colons, fraction) {
        (1, _) => 60 * SECOND_NANOS,
        // A leap second is read as the last nanosecond of its minute.
        _ if clock.split(':').nth(2)?.trim_start().starts_with("60") => 1,
        (_, None) => SECOND_NANOS,
        (_, Some(digits)) => {
            let digits = u32::try_from(digits.len().min(9)).ok()?;
            SECOND_NANOS / 10_i128.pow(digits)
        }
    })
}
