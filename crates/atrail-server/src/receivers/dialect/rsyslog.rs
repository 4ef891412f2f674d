//! The senders of rsyslog's `omelasticsearch` up to 8.2302, as far as they are known from others.
//!
//! Such a sender writes a batch that is answered with an error to its error file, and never sends it again; of an empty
//! answer it does not even note that; a text makes it send the batch again and again, each time with one more copy in
//! the body. Only a connection that ends without an answer makes it wait and send the same batch again. (Observed with
//! rsyslog 8.2302.0.)

use atrail_api::ErrorCode;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};

/// Returns whether the header fields are those of such a sender: no `User-Agent`, and this media type to the character.
pub(super) fn loses_what_is_answered(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    !headers.contains_key(USER_AGENT) && content_type == Some(b"application/json; charset=utf-8")
}

/// Returns whether such a sender would lose a batch for a reason that passes: the server has no room now, or the key is
/// not in force. A body that can never be read is answered, or the sender would send it for ever.
pub(super) const fn would_lose(code: ErrorCode) -> bool {
    matches!(code.status(), 401 | 403 | 408 | 429 | 500..)
}
