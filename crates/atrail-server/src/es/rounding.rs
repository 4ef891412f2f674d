//! The buckets of a date histogram: where the one begins that has an instant, and where the next one does.

use atrail_model::Timestamp;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::dates::{Unit, at_millis, in_zone, millis};
use super::refusal::Refusal;

/// The length of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interval {
    /// So many milliseconds, at least one.
    Fixed(i64),
    /// A unit of the calendar.
    Calendar(Unit),
}

/// How instants fall into buckets. A bucket's key is its first millisecond since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Rounding {
    pub(crate) interval: Interval,
    /// By how many milliseconds all buckets begin later.
    pub(crate) offset: i64,
    pub(crate) zone: TimeZone,
}

/// The unit that `calendar_interval` names.
pub(crate) fn calendar(text: &str) -> Option<Unit> {
    Some(match text {
        "1m" | "minute" => Unit::Minute,
        "1h" | "hour" => Unit::Hour,
        "1d" | "day" => Unit::Day,
        "1w" | "week" => Unit::Week,
        "1M" | "month" => Unit::Month,
        "1q" | "quarter" => Unit::Quarter,
        "1y" | "year" => Unit::Year,
        _ => return None,
    })
}

/// Returns the milliseconds of a length such as `60000ms`, `30s`, `-6h` or `1d`.
pub(crate) fn length(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let count: i64 = digits.strip_prefix('+').unwrap_or(digits).parse().ok()?;
    count.checked_mul(unit)
}

impl Rounding {
    /// Returns the key of the bucket that has an instant.
    pub(crate) fn key(&self, time: Timestamp) -> i64 {
        self.floor(millis(time).saturating_sub(self.offset))
            .saturating_add(self.offset)
    }

    /// Returns the key of the bucket after the one with this key.
    pub(crate) fn next(&self, key: i64) -> i64 {
        let start = key.saturating_sub(self.offset);
        let ahead = self.floor(start.saturating_add(self.shortest()));
        let next = match self.interval {
            _ if ahead > start => ahead,
            Interval::Fixed(length) => {
                let later = civil_millis(self.local(start)).saturating_add(length);
                let later = at_civil_millis(later).and_then(|later| in_zone(later, &self.zone));
                later.map_or(i64::MAX, millis)
            }
            Interval::Calendar(unit) => {
                let later = unit.later(self.local(start), 1);
                let later = later.and_then(|later| in_zone(later, &self.zone));
                later.map_or(i64::MAX, millis)
            }
        };
        let next = next.max(start.saturating_add(1));
        next.saturating_add(self.offset)
    }

    /// Returns the length of all buckets in milliseconds and one of their keys, when they have one length.
    pub(crate) fn even(&self) -> Option<(i64, i64)> {
        if !self.is_utc() {
            return None;
        }
        let length = match self.interval {
            Interval::Fixed(length) => length,
            Interval::Calendar(Unit::Minute) => 60_000,
            Interval::Calendar(Unit::Hour) => 3_600_000,
            Interval::Calendar(Unit::Day) => 86_400_000,
            Interval::Calendar(Unit::Week) => 7 * 86_400_000,
            Interval::Calendar(_) => return None,
        };
        Some((length, self.key(Timestamp::UNIX_EPOCH)))
    }

    fn is_utc(&self) -> bool {
        self.zone == TimeZone::UTC
    }

    fn local(&self, millis: i64) -> DateTime {
        self.zone.to_datetime(at_millis(millis))
    }

    fn floor(&self, millis: i64) -> i64 {
        match self.interval {
            Interval::Fixed(length) if self.is_utc() => {
                millis.div_euclid(length).saturating_mul(length)
            }
            Interval::Fixed(length) => {
                let civil = civil_millis(self.local(millis));
                let floor = civil.div_euclid(length).saturating_mul(length);
                self.begin(at_civil_millis(floor), millis)
            }
            Interval::Calendar(unit) => self.begin(unit.floor(self.local(millis)), millis),
        }
    }

    /// Returns the instant at which a bucket begins that has an instant, by the clock of its zone.
    fn begin(&self, floor: Option<DateTime>, millis: i64) -> i64 {
        let Some(floor) = floor else { return millis };
        // Where clocks go back, a time comes twice: the bucket begins at the one that no change separates from the
        // instant, if there is one.
        let offset = self.zone.to_offset(at_millis(millis));
        let nearest = offset.to_timestamp(floor);
        let nearest = nearest
            .ok()
            .filter(|nearest| self.zone.to_offset(*nearest) == offset);
        let start = nearest.or_else(|| in_zone(floor, &self.zone));
        // A bucket begins no later than what it has, also where clocks skip its beginning.
        start.map_or(millis, |start| super::dates::millis(start).min(millis))
    }

    const fn shortest(&self) -> i64 {
        match self.interval {
            Interval::Fixed(length) => length,
            Interval::Calendar(Unit::Millisecond) => 1,
            Interval::Calendar(Unit::Second) => 1000,
            Interval::Calendar(Unit::Minute) => 60_000,
            Interval::Calendar(_) => 3_600_000,
        }
    }
}

/// Returns the milliseconds from 1970 to a civil time, as if it were of UTC.
fn civil_millis(at: DateTime) -> i64 {
    let since = at.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    i64::try_from(since.as_millis()).expect("civil times fit in milliseconds")
}

fn at_civil_millis(millis: i64) -> Option<DateTime> {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    epoch.checked_add(SignedDuration::from_millis(millis)).ok()
}

/// Reads the interval of a date histogram.
pub(crate) fn interval(
    fixed: Option<&str>,
    by_calendar: Option<&str>,
    either: Option<&str>,
) -> Result<Interval, Refusal> {
    let unreadable = |member: &str, text: &str, forms: &str| {
        Refusal::parsing(format!(
            "[date_histogram] [{member}] is [{text}], but must be {forms}"
        ))
    };
    let fixed_one = |text: &str| {
        length(text)
            .filter(|length| *length > 0)
            .map(Interval::Fixed)
    };
    match (fixed, by_calendar, either) {
        (Some(text), None, None) => fixed_one(text).ok_or_else(|| {
            unreadable(
                "fixed_interval",
                text,
                "a positive number of ms, s, m, h or d, such as 60000ms",
            )
        }),
        (None, Some(text), None) => calendar(text)
            .map(Interval::Calendar)
            .ok_or_else(|| unreadable("calendar_interval", text, "1m, 1h, 1d, 1w, 1M, 1q or 1y")),
        // Elasticsearch before version 8 has one member for both.
        (None, None, Some(text)) => calendar(text)
            .map(Interval::Calendar)
            .or_else(|| fixed_one(text))
            .ok_or_else(|| unreadable("interval", text, "as fixed_interval or calendar_interval")),
        _ => Err(Refusal::parsing(
            "[date_histogram] needs exactly one of [fixed_interval] and [calendar_interval]",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::dates::zone;
    use super::*;

    fn rounding(interval: Interval, offset: i64, name: &str) -> Rounding {
        let zone = zone(name).unwrap();
        Rounding {
            interval,
            offset,
            zone,
        }
    }

    /// Returns the beginning of the bucket with this instant, and that of the next one.
    fn bucket(rounding: &Rounding, time: &str) -> String {
        let key = rounding.key(time.parse().unwrap());
        format!("{} {}", at_millis(key), at_millis(rounding.next(key)))
    }

    #[test]
    fn fixed_and_calendar_buckets_begin_where_they_should() {
        let time = "2026-11-18T10:20:30.567Z";
        for (text, expected) in [
            ("1w", "2026-11-16T00:00:00Z 2026-11-23T00:00:00Z"),
            ("1M", "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z"),
            ("1q", "2026-10-01T00:00:00Z 2027-01-01T00:00:00Z"),
            ("1y", "2026-01-01T00:00:00Z 2027-01-01T00:00:00Z"),
            ("1d", "2026-11-18T00:00:00Z 2026-11-19T00:00:00Z"),
        ] {
            let unit = calendar(text).unwrap();
            assert_eq!(
                bucket(&rounding(Interval::Calendar(unit), 0, "UTC"), time),
                expected
            );
        }
        let fixed = rounding(Interval::Fixed(length("60000ms").unwrap()), 0, "UTC");
        assert_eq!(
            bucket(&fixed, time),
            "2026-11-18T10:20:00Z 2026-11-18T10:21:00Z"
        );
        let before_1970 = bucket(&fixed, "1969-12-31T23:59:59.999Z");
        assert_eq!(before_1970, "1969-12-31T23:59:00Z 1970-01-01T00:00:00Z");
        let later = rounding(Interval::Calendar(Unit::Day), length("-6h").unwrap(), "UTC");
        assert_eq!(
            bucket(&later, time),
            "2026-11-17T18:00:00Z 2026-11-18T18:00:00Z"
        );
    }

    #[test]
    fn a_zone_moves_days_and_changes_their_lengths() {
        let day = rounding(Interval::Calendar(Unit::Day), 0, "Europe/Berlin");
        assert_eq!(
            bucket(&day, "2026-03-29T12:00:00Z"),
            "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z"
        );
        assert_eq!(
            bucket(&day, "2026-10-25T12:00:00Z"),
            "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z"
        );
        let six = rounding(Interval::Fixed(6 * 3_600_000), 0, "Europe/Berlin");
        assert_eq!(
            bucket(&six, "2026-07-01T11:00:00Z"),
            "2026-07-01T10:00:00Z 2026-07-01T16:00:00Z"
        );
    }

    /// Also where clocks change, the buckets follow each other and each has the instants from its key to the next key.
    #[test]
    fn buckets_leave_no_gap_where_clocks_change() {
        for (interval, name) in [
            (Interval::Fixed(1_800_000), "Europe/Berlin"),
            (Interval::Fixed(6 * 3_600_000), "Australia/Lord_Howe"),
            (Interval::Calendar(Unit::Hour), "America/St_Johns"),
            (Interval::Calendar(Unit::Day), "America/Sao_Paulo"),
        ] {
            let rounding = rounding(interval, 0, name);
            for start in [
                "2018-11-03T00:00:00Z",
                "2026-03-28T20:00:00Z",
                "2026-10-24T20:00:00Z",
                "2026-11-01T00:00:00Z",
            ] {
                let start: Timestamp = start.parse().unwrap();
                let mut last = rounding.key(start);
                for minutes in 0..2000 {
                    let time = start + SignedDuration::from_mins(minutes);
                    let key = rounding.key(time);
                    assert!(key <= millis(time), "{name} {time}");
                    assert!(key >= last, "{name} {time}");
                    // No bucket is left out, and none begins inside another.
                    assert!(key == last || key == rounding.next(last), "{name} {time}");
                    assert!(rounding.next(key) > millis(time), "{name} {time}");
                    last = key;
                }
            }
        }
    }

    #[test]
    fn even_buckets_are_known_to_be_even() {
        let week = rounding(Interval::Calendar(Unit::Week), 0, "UTC");
        let (length, key) = week.even().unwrap();
        assert_eq!(length, 604_800_000);
        assert_eq!(at_millis(key).to_string(), "1969-12-29T00:00:00Z");
        assert!(
            rounding(Interval::Calendar(Unit::Month), 0, "UTC")
                .even()
                .is_none()
        );
        assert!(
            rounding(Interval::Fixed(1000), 0, "Europe/Berlin")
                .even()
                .is_none()
        );
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        for (fixed, calendar, either) in [
            (Some("0ms"), None, None),
            (Some("-1s"), None, None),
            (Some("1w"), None, None),
            (Some("ms"), None, None),
            (Some("99999999999999d"), None, None),
            (None, Some("2w"), None),
            (None, None, Some("x")),
            (None, None, None),
            (Some("1s"), Some("1d"), None),
        ] {
            assert!(
                interval(fixed, calendar, either).is_err(),
                "{fixed:?} {calendar:?} {either:?}"
            );
        }
        assert_eq!(
            interval(None, None, Some("1M")),
            Ok(Interval::Calendar(Unit::Month))
        );
        assert_eq!(
            interval(None, None, Some("30s")),
            Ok(Interval::Fixed(30_000))
        );
    }
}
