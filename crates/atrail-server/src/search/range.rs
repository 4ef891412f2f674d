//! The times of a search: days, or instants.

use atrail_model::{Day, DayRange, Timestamp};
use atrail_search::TimeRange;

use crate::days::{self, STATUS_DAYS};
use crate::error::ApiError;

const DAY_SECS: i64 = 86_400;

/// Returns the times of a search. A day as `end` is searched whole; an instant as `end` is the first that is not
/// searched. By default, the search ends with today, and covers as many days as a status does.
pub(crate) fn range(
    start: Option<&str>,
    end: Option<&str>,
    today: Day,
) -> Result<TimeRange, ApiError> {
    let to = match edge("end", end, today)? {
        None => end_of(today),
        Some(Edge::Day(day)) => end_of(day),
        Some(Edge::Instant(instant)) => instant,
    };
    let (from, is_reversed) = match edge("start", start, today)? {
        None => (start_of(last_day(to, today).minus(STATUS_DAYS - 1)), false),
        // A day after the last one begins when that ends.
        Some(Edge::Day(day)) => (start_of(day), start_of(day) >= to),
        Some(Edge::Instant(instant)) => (instant, instant > to),
    };
    if is_reversed {
        return Err(ApiError::bad_request(format!(
            "start is after end: the search would begin at {from} and end before {to}: swap them, or send both"
        )));
    }
    Ok(TimeRange { from, to })
}

/// Returns the days that a range touches.
pub(crate) fn days_of(range: TimeRange) -> DayRange {
    let start = Day::of(range.from).unwrap_or(Day::LAST);
    let end = last_day(range.to, start).max(start);
    DayRange::new(start, end).expect("the end was chosen as not before the start")
}

/// One end of a search.
#[derive(Debug, Clone, Copy)]
enum Edge {
    Day(Day),
    Instant(Timestamp),
}

fn edge(member: &str, text: Option<&str>, today: Day) -> Result<Option<Edge>, ApiError> {
    let Some(text) = text.filter(|text| text.contains(['T', 't'])) else {
        return Ok(days::day(member, text, today)?.map(Edge::Day));
    };
    // `today` contains a T, too.
    if let Ok(Some(day)) = days::day(member, Some(text), today) {
        return Ok(Some(Edge::Day(day)));
    }
    let instant: Timestamp = text.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "{member} is neither a day nor an instant: expected YYYY-MM-DD, today, yesterday, or RFC 3339 with a zone, \
             as in 2026-01-02T03:04:05Z"
        ))
    })?;
    let (first, last) = (start_of(Day::FIRST), end_of(Day::LAST));
    if instant < first || instant > last {
        return Err(ApiError::bad_request(format!(
            "{member} is outside the supported times, {first} to {last}"
        )));
    }
    Ok(Some(Edge::Instant(instant)))
}

/// Returns the day of the last instant before `to`.
fn last_day(to: Timestamp, otherwise: Day) -> Day {
    let last = Timestamp::from_nanosecond(to.as_nanosecond() - 1);
    last.ok().and_then(Day::of).unwrap_or(otherwise)
}

fn start_of(day: Day) -> Timestamp {
    at_second(i64::from(day.number()) * DAY_SECS)
}

fn end_of(day: Day) -> Timestamp {
    at_second((i64::from(day.number()) + 1) * DAY_SECS)
}

fn at_second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a day's edge is a time")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(start: Option<&str>, end: Option<&str>) -> Result<(String, String), String> {
        let today = "2017-07-25".parse().unwrap();
        let range = range(start, end, today).map_err(|error| error.chain())?;
        Ok((range.from.to_string(), range.to.to_string()))
    }

    #[test]
    fn days_are_searched_whole_and_instants_are_half_open() {
        let cases = [
            (None, None, "2017-07-12T00:00:00Z", "2017-07-26T00:00:00Z"),
            (
                Some("today"),
                None,
                "2017-07-25T00:00:00Z",
                "2017-07-26T00:00:00Z",
            ),
            (
                Some(""),
                Some("yesterday"),
                "2017-07-11T00:00:00Z",
                "2017-07-25T00:00:00Z",
            ),
            (
                Some("2017-07-01"),
                Some("2017-07-01"),
                "2017-07-01T00:00:00Z",
                "2017-07-02T00:00:00Z",
            ),
            (
                Some("2017-07-01T10:00:00+02:00"),
                Some("2017-07-01T10:00:00.000000001Z"),
                "2017-07-01T08:00:00Z",
                "2017-07-01T10:00:00.000000001Z",
            ),
            // The last searched day of an end at midnight is the one before.
            (
                None,
                Some("2017-07-25T00:00:00Z"),
                "2017-07-11T00:00:00Z",
                "2017-07-25T00:00:00Z",
            ),
            (
                None,
                Some("2017-07-25T00:00:01Z"),
                "2017-07-12T00:00:00Z",
                "2017-07-25T00:00:01Z",
            ),
            (
                Some("2017-07-01T00:00:00Z"),
                Some("2017-07-01T00:00:00Z"),
                "2017-07-01T00:00:00Z",
                "2017-07-01T00:00:00Z",
            ),
            (
                Some("1970-01-01"),
                Some("2149-06-06"),
                "1970-01-01T00:00:00Z",
                "2149-06-07T00:00:00Z",
            ),
        ];
        for (start, end, from, to) in cases {
            let expected = Ok((from.to_owned(), to.to_owned()));
            assert_eq!(of(start, end), expected, "{start:?} {end:?}");
        }
    }

    #[test]
    fn what_is_no_time_and_what_is_reversed_is_refused() {
        for (start, end, message) in [
            (Some("2017-07-26"), None, "start is after end"),
            (
                Some("2017-07-25T10:00:01Z"),
                Some("2017-07-25T10:00:00Z"),
                "start is after end",
            ),
            (
                Some("2017-07-25T10:00:00"),
                None,
                "start is neither a day nor an instant",
            ),
            (
                None,
                Some("tomorrow"),
                "end is neither a day nor an instant",
            ),
            (None, Some("25.7.2017"), "end is not a day"),
            (Some("1969-12-31T23:59:59Z"), None, "start is outside"),
            (None, Some("2149-06-07T00:00:01Z"), "end is outside"),
        ] {
            let error = of(start, end).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn the_days_of_a_range_are_those_that_it_touches() {
        let of = |from: &str, to: &str| {
            let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
            let days = days_of(TimeRange { from, to });
            format!("{} {}", days.start(), days.end())
        };
        let noon = "2017-07-01T12:00:00Z";
        assert_eq!(of(noon, "2017-07-02T00:00:00Z"), "2017-07-01 2017-07-01");
        assert_eq!(of(noon, "2017-07-02T00:00:00.1Z"), "2017-07-01 2017-07-02");
        assert_eq!(of(noon, noon), "2017-07-01 2017-07-01");
        let midnight = "2017-07-02T00:00:00Z";
        assert_eq!(of(midnight, midnight), "2017-07-02 2017-07-02");
    }
}
