//! Retraced's publisher API. Its client compares the hash in the answer with its own, and fails when they differ.

use std::sync::Arc;

use atrail_api::ErrorCode;
use atrail_carriers::retraced::{self, Event};
use atrail_sources::{Hints, Payload};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;

use super::{keep_each, of_format};
use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::error::ApiError;
use crate::metrics::Receiver;
use crate::receivers::{self, Keeper, Outcome, Received, Receiving};

/// Accepts an event.
pub(in crate::routes) async fn event(
    app: State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    receive(app, authorised, |body, keeper| {
        let payload = Payload {
            text: atrail_carriers::whole(body),
            hints: Hints::default(),
        };
        let mut refused = None;
        keeper.keep(&payload, |answer, outcome| {
            refused = confirm(answer, outcome, &payload.text).err();
        })?;
        refused.map_or(Ok(()), Err)
    })
    .await
}

/// Accepts several events.
pub(in crate::routes) async fn bulk(
    app: State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    receive(app, authorised, |body, keeper| {
        let mut refused = None;
        let mut is_first = true;
        keep_each(
            keeper,
            |take| retraced::bulk(body, take),
            |answer, outcome, payload| {
                answer.push(if is_first { b'[' } else { b',' });
                is_first = false;
                if let Err(error) = confirm(answer, outcome, &payload.text) {
                    refused.get_or_insert(error);
                }
            },
        )?;
        let answer = keeper.answer();
        if is_first {
            answer.push(b'[');
        }
        answer.push(b']');
        refused.map_or(Ok(()), Err)
    })
    .await
}

/// Answers for an event that is to be stored. One that is not, and one whose hash would not be the client's, is refused
/// with all others of the request: the client fails at both, and may send all of them again.
fn confirm(answer: &mut Vec<u8>, outcome: Outcome<'_>, text: &[u8]) -> Result<(), ApiError> {
    let id = match outcome {
        Outcome::Stored { id } => id,
        Outcome::Refused { reason } => return Err(ApiError::bad_request(reason)),
    };
    let event = Event::read(text).map_err(|fault| ApiError::bad_request(fault.to_string()))?;
    let confirmed = json!({"id": id, "hash": event.hash(id)});
    serde_json::to_writer(answer, &confirmed).expect("writing to memory does not fail");
    Ok(())
}

async fn receive(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
    read: impl Fn(&Bytes, &mut Keeper<'_, '_>) -> Result<(), ApiError> + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    let mut receiving = Receiving::of(&app, Receiver::Retraced, authorised).await?;
    of_format(&mut receiving, "retraced");
    let kept = receivers::keep(&app, receiving, read).await?;
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok((StatusCode::CREATED, json, kept.answer).into_response())
}

/// Writes an error as this API does.
pub(crate) fn refusal(code: ErrorCode, detail: &str) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({"error": detail}))).into_response()
}
