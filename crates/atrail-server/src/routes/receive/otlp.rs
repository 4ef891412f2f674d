//! OTLP over HTTP: logs. Traces and metrics are no events; their paths exist so that an exporter learns what is wrong.

use std::sync::Arc;

use atrail_api::ErrorCode;
use atrail_carriers::otlp::{self, Encoding};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::keep_all;
use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::error::ApiError;
use crate::fields::media_type;
use crate::metrics::Receiver;
use crate::receivers::dialect::Write;
use crate::receivers::{self, Received, Receiving};

/// Accepts log records.
pub(in crate::routes) async fn logs(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    let media_type = media_type(&authorised.wire.headers).to_owned();
    let receiving = Receiving::of(&app, Receiver::Otlp, authorised).await?;
    let kept = receivers::keep(&app, receiving, move |body, keeper| {
        let encoding = Encoding::of(&media_type, body);
        let refusals = keep_all(keeper, |take| otlp::decode(encoding, body, take))?;
        Ok((encoding, refusals))
    })
    .await?;
    let (encoding, refusals) = kept.read;
    let body = otlp::success(encoding, refusals.count, &refusals.first);
    Ok(answer(StatusCode::OK, encoding, body))
}

/// Refuses traces and metrics.
pub(in crate::routes) async fn other() -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        "atrail stores logs alone: send traces and metrics elsewhere",
    )
}

/// Returns how the error of a request is written: in the encoding of the request.
pub(crate) fn writer(headers: &HeaderMap) -> Write {
    match Encoding::of(media_type(headers), b"") {
        Encoding::Protobuf => |code, detail| refusal(Encoding::Protobuf, code, detail),
        Encoding::Json => |code, detail| refusal(Encoding::Json, code, detail),
    }
}

fn refusal(encoding: Encoding, code: ErrorCode, detail: &str) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = otlp::status(encoding, code.status(), detail);
    answer(status, encoding, body)
}

fn answer(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    let media_type = [(header::CONTENT_TYPE, encoding.media_type())];
    (status, media_type, body).into_response()
}
