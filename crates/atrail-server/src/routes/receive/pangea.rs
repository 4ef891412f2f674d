//! Pangea's Secure Audit Log: the two requests that write to it.

use std::sync::Arc;

use atrail_api::ErrorCode;
use atrail_carriers::pangea;
use atrail_model::format_timestamp;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use uuid::Uuid;

use super::{keep_each, of_format};
use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::error::ApiError;
use crate::metrics::Receiver;
use crate::receivers::{self, Outcome, Received, Receiving};

/// The path of the request with several events, whose answer has a list.
const SEVERAL: &str = "/v2/";

/// Accepts one event or several.
pub(in crate::routes) async fn log(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    let asked = format_timestamp(app.clock.now());
    let is_list = is_list(&authorised.wire.uri);
    let mut receiving = Receiving::of(&app, Receiver::Pangea, authorised).await?;
    of_format(&mut receiving, "pangea");
    let kept = receivers::keep(&app, receiving, |body, keeper| {
        let mut refused = None;
        keep_each(
            keeper,
            |take| pangea::decode(body, take),
            |answer, outcome, payload| match outcome {
                Outcome::Stored { .. } => {
                    if !answer.is_empty() {
                        answer.push(b',');
                    }
                    let hash = pangea::hash(&payload.text);
                    answer.extend_from_slice(format!("{{\"hash\":\"{hash}\"}}").as_bytes());
                }
                Outcome::Refused { reason } => {
                    refused.get_or_insert_with(|| ApiError::bad_request(reason));
                }
            },
        )?;
        // A client that is answered so sends none of the events again.
        refused.map_or(Ok(()), Err)
    })
    .await?;
    let mut body = head(&asked, &format_timestamp(app.clock.now()), "Success", "");
    body.push_str(",\"result\":");
    let results = String::from_utf8_lossy(&kept.answer);
    body.push_str(&if is_list {
        format!("{{\"results\":[{results}]}}}}")
    } else {
        format!("{results}}}")
    });
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok((json, body).into_response())
}

fn is_list(uri: &Uri) -> bool {
    uri.path().starts_with(SEVERAL)
}

/// Returns the beginning of an answer, with the members that every answer has.
fn head(asked: &str, answered: &str, status: &str, summary: &str) -> String {
    let summary = json!(summary);
    format!(
        "{{\"request_id\":\"prq_{}\",\"request_time\":\"{asked}\",\"response_time\":\"{answered}\",\"status\":\"{status}\",\
         \"summary\":{summary}",
        Uuid::new_v4().simple()
    )
}

/// Writes an error as this API does.
pub(crate) fn refusal(code: ErrorCode, detail: &str) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let word = match code {
        ErrorCode::Unauthenticated | ErrorCode::Forbidden => "Unauthorized",
        ErrorCode::TooMany => "TooManyRequests",
        ErrorCode::NotFound => "NotFound",
        code if code.status() < 500 => "ValidationError",
        _ => "ServiceNotAvailable",
    };
    let body = json!({"request_id": "", "status": word, "summary": detail, "result": null});
    (status, Json(body)).into_response()
}
