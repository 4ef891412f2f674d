//! Entry points for the fuzz targets. Not part of the crate's public interface.

use std::fmt::Debug;

use atrail_api as api;
use atrail_model::Day;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::days;
use crate::download::range::RequestRange;
pub use crate::ingest::fuzzing::ingest;

/// Parses a `Range` header, and checks that the resolved range lies within the representation.
///
/// # Panics
/// When it does not.
pub fn range(header: &str, total: u64) {
    let Some(resolved) = RequestRange::parse(header).and_then(|range| range.resolve(total)) else {
        return;
    };
    let bytes = resolved.bytes();
    assert!(bytes.start < bytes.end && bytes.end <= total);
    let said = resolved.content_range();
    assert_eq!(
        said,
        format!("bytes {}-{}/{total}", bytes.start, bytes.end - 1)
    );
}

/// Parses a body as each kind of request.
pub fn requests(body: &[u8]) {
    if let Some(query) = request::<api::EventsQuery>(body) {
        read_days(
            query.start.as_deref(),
            query.end.as_deref(),
            query.search_time.as_deref(),
        );
    }
    if let Some(session) = request::<api::SessionRequest>(body) {
        read_days(
            session.start.as_deref(),
            session.end.as_deref(),
            session.search_time.as_deref(),
        );
    }
    if let Some(options) = request::<api::OptionsRequest>(body) {
        let days = options.retention.map(atrail_model::Retention::try_from);
        if let (Some(Ok(retention)), Some(number)) = (days, options.retention) {
            assert_eq!(retention.number(), number);
        }
    }
    request::<api::AccountCreate>(body);
    request::<api::OrganizationCreate>(body);
    request::<api::SpaceCreate>(body);
    request::<api::UserCreate>(body);
    request::<api::RoleGrant>(body);
    request::<api::ApiKeyCreate>(body);
    request::<api::ApiKeyDelete>(body);
}

/// Parses a body, writes the value, parses it again, and checks that both values are the same.
fn request<T: Serialize + DeserializeOwned + Debug>(body: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(body).ok()?;
    let written = serde_json::to_vec(&read).expect("a request can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(format!("{read:?}"), format!("{again:?}"));
    Some(read)
}

fn read_days(start: Option<&str>, end: Option<&str>, hours: Option<&str>) {
    let today: Day = "2017-07-25".parse().expect("a day");
    let ranges = [
        days::two_weeks(start, end, today),
        days::one_day(start, end, today),
    ];
    for range in ranges.into_iter().flatten() {
        assert!(range.start() <= range.end());
    }
    if let Ok(hours) = days::hours(hours) {
        assert!(hours.first() <= hours.last());
    }
}
