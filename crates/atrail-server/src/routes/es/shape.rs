//! Answers in Elasticsearch's shape: its header, and its errors.

use atrail_api::ErrorCode;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::es::Refusal;
use crate::receivers::dialect::Write;

/// The field by which official clients know the server. Without it, some of them fail although the server did what they
/// asked.
pub(crate) const PRODUCT: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-elastic-product"),
    HeaderValue::from_static("Elasticsearch"),
);

/// A request that is refused: by what it asks for, or by the server.
#[derive(Debug)]
pub(in crate::routes) enum Failure {
    Refused(Refusal),
    Failed(ApiError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: Into<ApiError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Failed(error) => error.into_response(),
            Self::Refused(refusal) => answer(refusal.status, &refusal.body()),
        }
    }
}

/// Returns how the error of a request is written. Where clients look for errors among the answers of several searches,
/// it is written there.
pub(crate) fn writer(method: &Method, path: &str) -> Write {
    if *method == Method::POST && path.ends_with("/_msearch") {
        among_several
    } else {
        alone
    }
}

fn alone(code: ErrorCode, detail: &str) -> Response {
    let refusal = of(code, detail);
    answer(refusal.status, &refusal.body())
}

fn among_several(code: ErrorCode, detail: &str) -> Response {
    let refusal = of(code, detail);
    let mut body = refusal.body();
    body["took"] = 0.into();
    body["responses"] = json!([refusal.body()]);
    answer(refusal.status, &body)
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}

fn of(code: ErrorCode, detail: &str) -> Refusal {
    let kind = match code {
        ErrorCode::Unauthenticated | ErrorCode::FreshLoginRequired | ErrorCode::Forbidden => {
            "security_exception"
        }
        ErrorCode::NotFound => "index_not_found_exception",
        ErrorCode::TooMany => "es_rejected_execution_exception",
        code if code.status() < 500 => "illegal_argument_exception",
        _ => "exception",
    };
    Refusal {
        status: code.status(),
        kind,
        reason: detail.to_owned(),
    }
}

/// Returns a failure as it is written in the place of one answer of several. The log has what the server failed at.
pub(super) fn refusal(failure: Failure) -> Refusal {
    match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Failed(error) => {
            if error.code().status() >= 500 {
                tracing::error!("one of several searches failed: {}", error.chain());
            }
            of(error.code(), error.detail())
        }
    }
}
