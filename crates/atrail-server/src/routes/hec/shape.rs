//! Answers of the HTTP Event Collector: a text, and a code that senders look at.
//!
//! Source: "Troubleshoot HTTP Event Collector", the documentation of Splunk Enterprise, the table of status codes.

use atrail_api::ErrorCode;
use atrail_api::headers::AUTH_TOKEN;
use axum::Json;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::receivers::dialect::Write;

/// Returns an answer.
pub(super) fn answer(status: StatusCode, text: &str, code: u16) -> Response {
    (status, Json(json!({"text": text, "code": code}))).into_response()
}

/// Returns how the error of a request is written: a token that is missing has another code than one that is wrong.
pub(crate) fn writer(headers: &HeaderMap, uri: &Uri) -> Write {
    let is_key = |pair: &str| pair.starts_with("token=") || pair.starts_with("access_token=");
    let in_query = |query: &str| query.split('&').any(is_key);
    let in_headers =
        headers.contains_key(header::AUTHORIZATION) || headers.contains_key(AUTH_TOKEN);
    if in_headers || uri.query().is_some_and(in_query) {
        |code, detail| refusal(code, detail, (StatusCode::FORBIDDEN, "Invalid token", 4))
    } else {
        |code, detail| {
            let required = (StatusCode::UNAUTHORIZED, "Token is required", 2);
            refusal(code, detail, required)
        }
    }
}

fn refusal(
    code: ErrorCode,
    detail: &str,
    unauthenticated: (StatusCode, &'static str, u16),
) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (status, text, number) = match code {
        ErrorCode::Unauthenticated => unauthenticated,
        ErrorCode::Forbidden => (status, "Token may not send", 4),
        ErrorCode::NotFound => (status, "The requested URL was not found", 404),
        ErrorCode::MethodNotAllowed => (status, "Method not allowed", 405),
        ErrorCode::TooLarge => (status, "Request entity too large", 27),
        ErrorCode::TooMany | ErrorCode::Unavailable => (status, "Server is busy", 9),
        code if code.status() < 500 => (status, "Invalid data format", 6),
        _ => (status, "Internal server error", 8),
    };
    let body = json!({"text": text, "code": number, "detail": detail});
    (status, Json(body)).into_response()
}
