//! The buckets of a histogram: of round lengths, beginning at round times in UTC.

use std::time::Duration;

use atrail_api::HistogramQuery;
use atrail_model::{Timestamp, whole_seconds};
use atrail_search::TimeRange;
use atrail_search::aggregate::Buckets;

use crate::config::span;
use crate::error::ApiError;

/// Largest number of buckets that a request may ask for by their number.
const BUCKETS_MAX: u32 = 200;
/// Largest number of buckets that an interval may lead to.
const INTERVALS_MAX: u64 = 10_000;
const DAY_SECS: u64 = 86_400;
const WEEK_SECS: u64 = 7 * DAY_SECS;
/// The first Monday after 1970-01-01, a Thursday.
const MONDAY: i64 = 4 * DAY_SECS as i64;
/// More than the supported days, 1970-01-01 to 2149-06-06, so that one bucket covers them.
const ALL_SECS: u64 = 70_000 * DAY_SECS;
/// The round lengths up to a week, in seconds.
const ROUND: [u64; 21] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    2 * 3600,
    3 * 3600,
    4 * 3600,
    6 * 3600,
    12 * 3600,
    DAY_SECS,
    2 * DAY_SECS,
    WEEK_SECS,
];

/// Returns the buckets that a request asks for.
pub(crate) fn buckets(query: &HistogramQuery, range: TimeRange) -> Result<Buckets, ApiError> {
    match (query.buckets, query.interval.as_deref()) {
        (Some(count), None) if (1..=BUCKETS_MAX).contains(&count) => {
            Ok(at_most(u64::from(count), range))
        }
        (Some(_), None) => Err(ApiError::bad_request(format!(
            "histogram.buckets is not from 1 to {BUCKETS_MAX}"
        ))),
        (None, Some(text)) => of_interval(text, range),
        (None, None) | (Some(_), Some(_)) => Err(ApiError::bad_request(
            "histogram needs either buckets or interval",
        )),
    }
}

/// Returns buckets of the shortest round length of which at most this many cover the range.
fn at_most(count: u64, range: TimeRange) -> Buckets {
    let longer = std::iter::successors(Some(2 * WEEK_SECS), |seconds| seconds.checked_mul(2));
    let fitting = ROUND
        .into_iter()
        .chain(longer.take_while(|seconds| *seconds < ALL_SECS))
        .map(of_length)
        .find(|buckets| number_of(*buckets, range) <= count);
    fitting.unwrap_or(Buckets {
        seconds: ALL_SECS,
        origin: 0,
    })
}

fn of_interval(text: &str, range: TimeRange) -> Result<Buckets, ApiError> {
    let refused = |why: String| Err(ApiError::bad_request(format!("histogram.interval: {why}")));
    let length: Duration = match span(text) {
        Ok(length) => length,
        Err(why) => return refused(why),
    };
    let seconds = length.as_secs();
    if seconds == 0 || length.subsec_nanos() != 0 {
        return refused(format!("{text} is not a whole number of seconds"));
    }
    let buckets = of_length(seconds.min(ALL_SECS));
    let number = number_of(buckets, range);
    if number > INTERVALS_MAX {
        return refused(format!(
            "{number} buckets of {text} would cover the range, and at most {INTERVALS_MAX} may: ask for a longer \
             interval or a shorter range"
        ));
    }
    Ok(buckets)
}

/// Returns buckets of this length. Weeks begin on Mondays.
const fn of_length(seconds: u64) -> Buckets {
    let origin = if seconds.is_multiple_of(WEEK_SECS) {
        MONDAY
    } else {
        0
    };
    Buckets { seconds, origin }
}

fn number_of(buckets: Buckets, range: TimeRange) -> u64 {
    let (first, last) = numbers(buckets, range);
    u64::try_from(last - first + 1).unwrap_or(0)
}

/// Returns the numbers of the first and the last bucket of a range. An empty range has one.
pub(crate) fn numbers(buckets: Buckets, range: TimeRange) -> (i64, i64) {
    let number = |second: i64| {
        let seconds = i64::try_from(buckets.seconds).unwrap_or(i64::MAX);
        (second - buckets.origin).div_euclid(seconds)
    };
    let first = number(whole_seconds(range.from));
    let inside = Timestamp::from_nanosecond(range.to.as_nanosecond() - 1);
    let last = number(whole_seconds(inside.unwrap_or(range.to)));
    (first, last.max(first))
}

/// Returns the first instant of a bucket.
pub(crate) fn start_of(buckets: Buckets, number: i64) -> Option<Timestamp> {
    let seconds = i64::try_from(buckets.seconds).ok()?;
    let second = number.checked_mul(seconds)?.checked_add(buckets.origin)?;
    Timestamp::from_second(second).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(from: &str, to: &str) -> TimeRange {
        TimeRange {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        }
    }

    fn asked(
        buckets: Option<u32>,
        interval: Option<&str>,
        range: TimeRange,
    ) -> Result<String, String> {
        let query = HistogramQuery {
            buckets,
            interval: interval.map(str::to_owned),
        };
        let made = super::buckets(&query, range).map_err(|error| error.chain())?;
        let (first, last) = numbers(made, range);
        let start = start_of(made, first).unwrap();
        Ok(format!(
            "{} from {start}: {}",
            made.seconds,
            last - first + 1
        ))
    }

    #[test]
    fn a_number_of_buckets_gets_the_shortest_round_length() {
        let day = times("2017-07-25T00:00:00Z", "2017-07-26T00:00:00Z");
        for (count, expected) in [
            (200, "600 from 2017-07-25T00:00:00Z: 144"),
            (60, "1800 from 2017-07-25T00:00:00Z: 48"),
            (24, "3600 from 2017-07-25T00:00:00Z: 24"),
            (23, "7200 from 2017-07-25T00:00:00Z: 12"),
            (1, "86400 from 2017-07-25T00:00:00Z: 1"),
        ] {
            assert_eq!(asked(Some(count), None, day), Ok(expected.to_owned()));
        }
        // The edges of the range count: these 59 minutes lie in two hours.
        let across = times("2017-07-25T09:30:00.5Z", "2017-07-25T10:29:00Z");
        let expected = "7200 from 2017-07-25T08:00:00Z: 2";
        assert_eq!(
            asked(Some(2), None, across),
            Ok("1800 from 2017-07-25T09:30:00Z: 2".to_owned())
        );
        assert_ne!(asked(Some(2), None, across), Ok(expected.to_owned()));
        // Weeks begin on Mondays.
        let month = times("2017-07-01T00:00:00Z", "2017-08-01T00:00:00Z");
        assert_eq!(
            asked(Some(6), None, month),
            Ok("604800 from 2017-06-26T00:00:00Z: 6".to_owned())
        );
    }

    #[test]
    fn at_most_so_many_cover_every_range() {
        let ends = [
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:00:00.1Z",
            "1970-01-05T00:00:01Z",
            "2017-07-25T09:30:00.5Z",
            "2017-07-25T09:30:01Z",
            "2100-12-31T23:59:59Z",
            "2149-06-07T00:00:00Z",
        ];
        for (at, from) in ends.iter().enumerate() {
            for to in &ends[at..] {
                let range = times(from, to);
                for count in 1..=BUCKETS_MAX {
                    let made = at_most(u64::from(count), range);
                    let number = number_of(made, range);
                    assert!(
                        (1..=u64::from(count)).contains(&number),
                        "{from} {to} {count}: {number}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_interval_is_taken_as_it_is_unless_it_leads_to_too_many() {
        let day = times("2017-07-25T00:00:00Z", "2017-07-26T00:00:00Z");
        for (text, expected) in [
            ("15m", "900 from 2017-07-25T00:00:00Z: 96"),
            ("7m", "420 from 2017-07-24T23:56:00Z: 207"),
            ("9s", "9 from 2017-07-25T00:00:00Z: 9600"),
            ("7d", "604800 from 2017-07-24T00:00:00Z: 1"),
            ("400000d", "6048000000 from 1970-01-05T00:00:00Z: 1"),
        ] {
            assert_eq!(
                asked(None, Some(text), day),
                Ok(expected.to_owned()),
                "{text}"
            );
        }
        for (buckets, text, message) in [
            (
                None,
                Some("8s"),
                "10800 buckets of 8s would cover the range",
            ),
            (None, Some("0s"), "not a whole number of seconds"),
            (None, Some("1500ms"), "not a whole number of seconds"),
            (None, Some("1 week"), "is not a time"),
            (Some(0), None, "not from 1 to 200"),
            (Some(201), None, "not from 1 to 200"),
            (Some(2), Some("1h"), "either buckets or interval"),
            (None, None, "either buckets or interval"),
        ] {
            let error = asked(buckets, text, day).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
