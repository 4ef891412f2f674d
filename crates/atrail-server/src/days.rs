//! The days of a request that omits some of them.

use atrail_api::ErrorCode;
use atrail_model::{Day, DayRange, Hours};

use crate::error::ApiError;

/// Number of days that `status` and a search cover by default, including today.
pub(crate) const STATUS_DAYS: u32 = 14;

/// Returns the days of a deletion, which must state both ends: no default ever deletes anything. When `body_is_lost`,
/// the request announced a body that did not arrive, and the error reports that too.
pub(crate) fn both_given(
    start: Option<&str>,
    end: Option<&str>,
    today: Day,
    body_is_lost: bool,
) -> Result<DayRange, ApiError> {
    match (day("start", start, today)?, day("end", end, today)?) {
        (Some(start), Some(end)) => range(start, end),
        (start_day, end_day) => Err(range_required(
            [("start", start, start_day), ("end", end, end_day)],
            body_is_lost,
        )),
    }
}

fn range_required(ends: [(&str, Option<&str>, Option<Day>); 2], body_is_lost: bool) -> ApiError {
    let problems: Vec<String> = ends
        .into_iter()
        .filter(|(.., day)| day.is_none())
        .map(|(member, text, _)| match text {
            Some(_) => format!("{member} is empty"),
            None => format!("{member} is missing"),
        })
        .collect();
    let lost = if body_is_lost {
        ". The request announces a body, but none came: some clients send none with DELETE; use the query, as in \
         ?start=YYYY-MM-DD&end=YYYY-MM-DD"
    } else {
        ""
    };
    ApiError::new(
        ErrorCode::RangeRequired,
        format!(
            "a deletion names its first and its last day, and {}; nothing was deleted{lost}",
            problems.join(", ")
        ),
    )
}

/// Returns the days of a status: two weeks that end at `end`, by default today. With `start` alone, the days from it to
/// today.
pub(crate) fn two_weeks(
    start: Option<&str>,
    end: Option<&str>,
    today: Day,
) -> Result<DayRange, ApiError> {
    let end = day("end", end, today)?.unwrap_or(today);
    let start = day("start", start, today)?.unwrap_or(end.minus(STATUS_DAYS - 1));
    range(start, end)
}

/// Returns the days of a session: today by default. With `start` alone, the days from it to today; with `end` alone,
/// that day.
pub(crate) fn one_day(
    start: Option<&str>,
    end: Option<&str>,
    today: Day,
) -> Result<DayRange, ApiError> {
    let end = day("end", end, today)?.unwrap_or(today);
    let start = day("start", start, today)?.unwrap_or(end);
    range(start, end)
}

/// Returns the hours of each day: all when none are stated.
pub(crate) fn hours(text: Option<&str>) -> Result<Hours, ApiError> {
    match given(text) {
        None => Ok(Hours::ALL),
        Some(text) => text
            .parse()
            .map_err(|error| ApiError::bad_request(format!("SearchTime is {error}"))),
    }
}

/// Returns the day that a member of a request names, if it names one.
pub(crate) fn day(member: &str, text: Option<&str>, today: Day) -> Result<Option<Day>, ApiError> {
    match given(text) {
        None => Ok(None),
        Some("today") => Ok(Some(today)),
        Some("yesterday") => Ok(Some(today.minus(1))),
        Some(text) => text.parse().map(Some).map_err(|error| {
            ApiError::bad_request(format!("{member} is {error}, today or yesterday"))
        }),
    }
}

/// Treats an empty text as absent: clients without optional values send one.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn range(start: Day, end: Day) -> Result<DayRange, ApiError> {
    DayRange::new(start, end).ok_or_else(|| {
        ApiError::bad_request(format!(
            "start {start} is after end {end}: swap them, or send both"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rule = fn(Option<&str>, Option<&str>, Day) -> Result<DayRange, ApiError>;

    fn days(rule: Rule, start: Option<&str>, end: Option<&str>) -> Option<String> {
        let today = "2017-07-25".parse().unwrap();
        let range = rule(start, end, today).ok()?;
        Some(format!("{} {}", range.start(), range.end()))
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let cases: [(Rule, _, _, _); 10] = [
            (two_weeks, None, None, Some("2017-07-12 2017-07-25")),
            (
                two_weeks,
                Some("2017-07-20"),
                None,
                Some("2017-07-20 2017-07-25"),
            ),
            (
                two_weeks,
                None,
                Some("2017-07-20"),
                Some("2017-07-07 2017-07-20"),
            ),
            (two_weeks, Some("2017-07-26"), None, None),
            (one_day, None, None, Some("2017-07-25 2017-07-25")),
            (
                one_day,
                Some("2017-07-20"),
                None,
                Some("2017-07-20 2017-07-25"),
            ),
            (
                one_day,
                None,
                Some("2017-07-20"),
                Some("2017-07-20 2017-07-20"),
            ),
            (
                one_day,
                Some("yesterday"),
                Some("today"),
                Some("2017-07-24 2017-07-25"),
            ),
            (one_day, Some(""), Some(""), Some("2017-07-25 2017-07-25")),
            (one_day, Some("2017-07-21"), Some("2017-07-20"), None),
        ];
        for (rule, start, end, expected) in cases {
            assert_eq!(
                days(rule, start, end).as_deref(),
                expected,
                "{start:?} {end:?}"
            );
        }
    }

    #[test]
    fn a_deletion_has_no_defaults() {
        let today = "2017-07-25".parse().unwrap();
        let error = |start, end, lost| {
            let error = both_given(start, end, today, lost).unwrap_err();
            assert_eq!(error.code(), ErrorCode::RangeRequired);
            error.chain()
        };
        let day = Some("2017-07-20");
        assert!(error(None, None, false).contains("start is missing, end is missing; nothing"));
        assert!(error(day, Some(""), false).contains("last day, and end is empty; nothing"));
        assert!(error(Some(""), day, false).contains("and start is empty; nothing"));
        assert!(error(None, day, false).ends_with("nothing was deleted"));
        assert!(error(None, None, true).contains("announces a body, but none came"));
        let range = both_given(day, Some("today"), today, true).unwrap();
        assert_eq!(range.end(), today);
        let swapped = both_given(Some("today"), day, today, false).unwrap_err();
        assert_eq!(swapped.code(), ErrorCode::BadRequest);
        assert!(both_given(Some("x"), day, today, false).is_err());
    }

    #[test]
    fn what_is_no_day_or_hour_is_refused() {
        assert_eq!(days(one_day, Some("tomorrow"), None), None);
        assert_eq!(days(one_day, Some("2017-02-29"), None), None);
        assert!(hours(Some("24")).is_err());
        assert_eq!(hours(Some("")).unwrap(), Hours::ALL);
    }
}
