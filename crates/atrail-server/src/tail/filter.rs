//! Which events a tail returns.

use atrail_search::{Matcher, Query};

use crate::error::ApiError;

/// A query, or none: then every event matches.
#[derive(Debug)]
pub(crate) struct Filter(Option<Matcher>);

impl Filter {
    /// Parses the text of a query.
    pub(crate) fn of(text: Option<&str>) -> Result<Self, ApiError> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Ok(Self(None));
        };
        let query = Query::parse(text);
        let query = query.map_err(|error| ApiError::bad_request(format!("query, {error}")))?;
        Ok(Self(Some(Matcher::new(&query))))
    }

    pub(super) fn matches(&self, line: &[u8]) -> bool {
        self.0.as_ref().is_none_or(|matcher| matcher.matches(line))
    }
}
