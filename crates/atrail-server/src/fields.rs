//! Reads header fields.

use axum::http::HeaderMap;
use axum::http::header::{AsHeaderName, CONTENT_TYPE};

/// Returns the text of a field, without blanks around it: inside, `None` when there is no such field; outside, when there
/// are several, or it is no text.
pub(crate) fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<Option<&str>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Some(None);
    };
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok().map(|text| Some(text.trim()))
}

/// Returns the text of a field, without blanks around it, of several the first; empty when there is none, or it is no text.
pub(crate) fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().trim()
}

/// Returns the body's media type, without parameters; empty when the request declares none.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let declared = text_of(headers, CONTENT_TYPE.as_str());
    declared.split(';').next().unwrap_or_default().trim()
}
