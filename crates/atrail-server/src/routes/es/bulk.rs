//! Accepts events in Elasticsearch's bulk form.
//!
//! The answer has the members and the order that senders search it for, as text: `"errors":true`, and
//! `"errors":false,"items":[` (`docs/SENDERS.md`).

use std::sync::Arc;

use atrail_carriers::bulk::{self, Item, Verb};
use atrail_carriers::percent::percent_decoded;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::error::ApiError;
use crate::json_text::write_string;
use crate::metrics::Receiver;
use crate::receivers::{self, Keeper, Outcome, Received, Receiving};

/// The beginning of an answer without errors.
const HEAD: &[u8] = br#"{"took":1,"errors":false,"items":["#;
/// What changes in it when there is an error, and where.
const TRUE: &[u8] = b"true";
const FALSE_AT: std::ops::Range<usize> = 19..24;
/// The name of the index where neither the path nor an action has one.
const INDEX: &str = "atrail";
/// Elasticsearch's name for what is wrong with a document.
pub(super) const DOCUMENT_ERROR: &str = "document_parsing_exception";

/// Accepts the items of a body.
pub(in crate::routes) async fn bulk(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    let index = index_in(authorised.wire.uri.path());
    let receiving = Receiving::of(&app, Receiver::Elasticsearch, authorised).await?;
    let kept = receivers::keep(&app, receiving, move |body, keeper| {
        read(body, &index, keeper)
    })
    .await?;
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok((StatusCode::OK, json, kept.answer).into_response())
}

/// Returns the index that a path names: its first segment below the mount, unless that is a call.
pub(super) fn index_in(path: &str) -> String {
    let mut segments = path.split('/').skip(2);
    let first = segments.next().unwrap_or_default();
    let decoded = unescaped(first);
    if decoded.is_empty() || decoded.starts_with('_') {
        INDEX.to_owned()
    } else {
        decoded
    }
}

fn read(body: &Bytes, index: &str, keeper: &mut Keeper<'_, '_>) -> Result<(), ApiError> {
    let items = bulk::items(body).map_err(|error| ApiError::bad_request(error.to_string()))?;
    keeper.answer().extend_from_slice(HEAD);
    let mut has_errors = false;
    for item in items {
        if keeper.read() > 0 {
            keeper.answer().push(b',');
        }
        let write = |answer: &mut Vec<u8>, outcome: Outcome<'_>| {
            has_errors |= matches!(outcome, Outcome::Refused { .. });
            write_item(answer, index, &item, outcome);
        };
        match item.payload() {
            Ok(payload) => keeper.keep(&payload, write)?,
            Err(none) => keeper.refuse(&none.to_string(), write)?,
        }
    }
    if keeper.read() == 0 {
        return Err(ApiError::bad_request(
            "the request body is required: pairs of lines, an action and its document",
        ));
    }
    let answer = keeper.answer();
    answer.extend_from_slice(b"]}");
    if has_errors {
        answer.splice(FALSE_AT, TRUE.iter().copied());
    }
    Ok(())
}

fn write_item(answer: &mut Vec<u8>, index: &str, item: &Item<'_>, outcome: Outcome<'_>) {
    answer.extend_from_slice(b"{\"");
    answer.extend_from_slice(item.verb.name().as_bytes());
    answer.extend_from_slice(b"\":{");
    let index = item.index.as_deref().unwrap_or(index);
    write_result(answer, index, item.id.as_deref(), item.verb, outcome);
    answer.extend_from_slice(b"}}");
}

/// Writes the members of one result. A kept event is a new one, also where the store has it already: a sender that reads
/// of a conflict drops the event or sends it again.
pub(super) fn write_result(
    answer: &mut Vec<u8>,
    index: &str,
    given_id: Option<&str>,
    verb: Verb,
    outcome: Outcome<'_>,
) {
    answer.extend_from_slice(b"\"_index\":");
    write_string(answer, index);
    let id = match outcome {
        Outcome::Stored { id } => given_id.or(Some(id)),
        Outcome::Refused { .. } => given_id,
    };
    if let Some(id) = id {
        answer.extend_from_slice(b",\"_id\":");
        write_string(answer, id);
    }
    match outcome {
        Outcome::Stored { .. } if verb == Verb::Update => {
            answer.extend_from_slice(b",\"_version\":1,\"result\":\"updated\",\"status\":200");
        }
        Outcome::Stored { .. } => {
            answer.extend_from_slice(b",\"_version\":1,\"result\":\"created\",\"status\":201");
        }
        Outcome::Refused { reason } => {
            answer.extend_from_slice(b",\"status\":400,\"error\":{\"type\":\"");
            answer.extend_from_slice(DOCUMENT_ERROR.as_bytes());
            answer.extend_from_slice(b"\",\"reason\":");
            write_string(answer, reason);
            answer.push(b'}');
        }
    }
}

/// Returns a segment of a path without its escapes; one that is no text is returned as it stands.
fn unescaped(segment: &str) -> String {
    let bytes = percent_decoded(segment.as_bytes()).into_owned();
    String::from_utf8(bytes).unwrap_or_else(|_| segment.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_after_errors_changes() {
        let mut answer = HEAD.to_vec();
        answer.splice(FALSE_AT, TRUE.iter().copied());
        assert_eq!(answer, br#"{"took":1,"errors":true,"items":["#);
    }

    #[test]
    fn the_index_is_the_first_segment_unless_that_is_a_call() {
        for (path, expected) in [
            ("/es/_bulk", "atrail"),
            ("/es/logs-2026.11/_bulk", "logs-2026.11"),
            ("/es/logs/_doc/_bulk", "logs"),
            ("/es/a%20b%2fc/_doc", "a b/c"),
            ("/es/100%/_doc", "100%"),
            ("/es/%ff/_doc", "%ff"),
        ] {
            assert_eq!(index_in(path), expected, "{path}");
        }
    }
}
