//! CloudEvents over HTTP, and the handshake of their web hooks.

use std::sync::Arc;

use atrail_api::ErrorCode;
use atrail_carriers::cloudevents::{self, Mode};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{counts, keep_all, must_have_kept};
use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::error::ApiError;
use crate::fields::{media_type, text_of};
use crate::metrics::Receiver;
use crate::receivers::{self, Received, Receiving};

/// The beginning of the names of the headers that are attributes.
const ATTRIBUTE: &str = "ce-";
const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const REQUEST_CALLBACK: &str = "webhook-request-callback";
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// Accepts one event or a batch.
pub(in crate::routes) async fn receive(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    let headers = authorised.wire.headers.clone();
    let is_attribute = |name: &HeaderName| name.as_str().starts_with(ATTRIBUTE);
    let mode = Mode::of(media_type(&headers), headers.keys().any(is_attribute));
    if mode == Mode::Unknown {
        return Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "the event format must be JSON: application/cloudevents+json, application/cloudevents-batch+json, or binary \
             mode",
        ));
    }
    let receiving = Receiving::of(&app, Receiver::CloudEvents, authorised).await?;
    let kept = receivers::keep(&app, receiving, move |body, keeper| {
        keep_all(keeper, |take| match mode {
            Mode::Batched => cloudevents::batched(body, take),
            Mode::Structured | Mode::Unknown => cloudevents::structured(body, take),
            Mode::Binary => {
                let mut attributes: Vec<_> = (headers.iter())
                    .filter_map(|(name, value)| {
                        Some((name.as_str().strip_prefix(ATTRIBUTE)?, value.as_bytes()))
                    })
                    .collect();
                let content_type = text_of(&headers, header::CONTENT_TYPE.as_str());
                let content_type = content_type.as_bytes();
                // The receiver that wants no more has it all.
                let _ = take(cloudevents::binary(&mut attributes, content_type, body));
                Ok(())
            }
        })
    })
    .await?;
    must_have_kept(&kept)?;
    Ok(counts(&kept))
}

/// Answers whether an origin may deliver (HTTP 1.1 Web Hooks for Event Delivery 1.0 §4): whoever has a key may, at any
/// rate. A callback that the request names is not called: anybody may name one.
pub(in crate::routes) async fn validate(headers: HeaderMap) -> Response {
    let callback = text_of(&headers, REQUEST_CALLBACK);
    if !callback.is_empty() {
        let shown: String = callback.escape_debug().take(200).collect();
        tracing::info!(
            callback = shown,
            "a sender of CloudEvents asks for a callback, which the server does not make"
        );
    }
    let any = || HeaderValue::from_static("*");
    let origin = headers.get(REQUEST_ORIGIN).cloned().unwrap_or_else(any);
    let allowed = [
        (ALLOWED_ORIGIN, origin),
        (ALLOWED_RATE, any()),
        (header::ALLOW, HeaderValue::from_static("POST, OPTIONS")),
    ];
    (StatusCode::OK, allowed).into_response()
}
