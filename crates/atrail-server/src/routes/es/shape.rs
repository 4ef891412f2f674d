//! Answers in Elasticsearch's shape: its header, and its errors.

use atrail_api::ErrorCode;
use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::es::Refusal;

/// The header by which official clients know the server.
const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");

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

/// Gives an answer its header, and lets its error be written in this shape. Where clients look for errors among the
/// answers of several searches, it is written there.
pub(in crate::routes) async fn shaped(request: Request, next: Next) -> Response {
    let is_several =
        request.method() == Method::POST && request.uri().path().ends_with("/_msearch");
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let write = if is_several { among_several } else { alone };
        response.extensions_mut().insert(error.written_by(write));
    }
    response
        .headers_mut()
        .insert(PRODUCT, HeaderValue::from_static("Elasticsearch"));
    response
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
    let product = [(PRODUCT, HeaderValue::from_static("Elasticsearch"))];
    (status, product, Json(body)).into_response()
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
