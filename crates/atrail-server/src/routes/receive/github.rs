//! GitHub's webhooks. GitHub sends an event once: whoever looks at the hook's page redelivers what failed.

use std::sync::Arc;

use atrail_api::ErrorCode;
use atrail_carriers::github;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Refusals, keep_one, must_have_kept};
use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::auth::signed::Claimed;
use crate::auth::throttle::slowly_refused;
use crate::error::ApiError;
use crate::fields::{media_type, text_of};
use crate::ingest::Incoming;
use crate::ingest::budget::Sender;
use crate::metrics::Receiver;
use crate::receivers::{self, Keeper, Kept, Received, Receiving};

const EVENT: &str = "x-github-event";
const DELIVERY: &str = "x-github-delivery";
/// The event by which GitHub tries a new hook.
const PING: &str = "ping";
/// The format of deliveries. The format that a key names is that of GitHub's audit log.
const FORMAT: &str = "github-webhook";

/// Accepts a delivery with a key.
pub(in crate::routes) async fn receive(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    let headers = authorised.wire.headers.clone();
    let mut receiving = Receiving::of(&app, Receiver::GitHub, authorised).await?;
    receiving.kind = FORMAT.parse().expect("the name of a format of ours");
    let read = receivers::keep(&app, receiving, move |body, keeper| {
        keep(keeper, &headers, body)
    });
    answered(&read.await?)
}

/// Accepts a delivery that is signed with the key whose public part the path names.
pub(in crate::routes) async fn signed(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let id = Path::<String>::from_request_parts(&mut parts, &app).await;
    let Path(id) = id.map_err(|_| ApiError::not_found("key"))?;
    // The signature is that of the bytes that travelled.
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "a signed body must not be compressed",
        ));
    }
    let claimed = Claimed::of(&mut parts, &app, &id).await?;
    let key = claimed.sender().ingest_key();
    let key = key.ok_or_else(|| ApiError::not_found("key"))?;
    let incoming = Incoming {
        sender: Sender::of(&app, claimed.sender(), key.terms.target())
            .await?
            .unproven(),
        headers: parts.headers.clone(),
        body,
        key: None,
        admitted: parts.extensions.remove(),
        organization: None,
    };
    let mut receiving = Receiving::by(&app, Receiver::GitHub, Some(&key.terms), incoming);
    receiving.kind = FORMAT.parse().expect("the name of a format of ours");
    let headers = parts.headers;
    let verifier = Arc::clone(&app);
    let read = receivers::keep(&app, receiving, move |body, keeper| {
        claimed.must_have_signed(&verifier, body)?;
        keep(keeper, &headers, body)
    });
    let read = match read.await {
        Err(refusal) if refusal.code() == ErrorCode::Unauthenticated => {
            slowly_refused(Err(refusal)).await
        }
        read => read,
    };
    answered(&read?)
}

fn answered(kept: &Kept<Refusals>) -> Result<Response, ApiError> {
    must_have_kept(kept)?;
    Ok(StatusCode::OK.into_response())
}

fn keep(
    keeper: &mut Keeper<'_, '_>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Refusals, ApiError> {
    let event = text_of(headers, EVENT);
    if event == PING {
        return Ok(Refusals::default());
    }
    let payload = github::delivery(event, text_of(headers, DELIVERY), media_type(headers), body)
        .map_err(|fault| ApiError::bad_request(fault.to_string()))?;
    keep_one(keeper, &payload)
}
