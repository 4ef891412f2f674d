//! Okta's event hooks: a challenge when somebody verifies the hook, and then lists of events of its System Log.

use std::sync::Arc;

use atrail_carriers::okta;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{counts, keep_all, must_have_kept};
use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::auth::principal::AnyCaller;
use crate::error::ApiError;
use crate::fields::text_of;
use crate::metrics::Receiver;
use crate::receivers::{self, Received, Receiving};

const CHALLENGE: &str = "x-okta-verification-challenge";

/// Returns the challenge, which proves that the URL is meant. A hook with a wrong key learns so here.
pub(in crate::routes) async fn verify(
    _: AnyCaller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    match text_of(&headers, CHALLENGE) {
        "" => Err(ApiError::bad_request(
            "X-Okta-Verification-Challenge is missing",
        )),
        challenge => Ok(Json(json!({"verification": challenge})).into_response()),
    }
}

/// Accepts a list of events.
pub(in crate::routes) async fn receive(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    let receiving = Receiving::of(&app, Receiver::Okta, authorised).await?;
    let kept = receivers::keep(&app, receiving, |body, keeper| {
        keep_all(keeper, |take| okta::decode(body, take))
    })
    .await?;
    must_have_kept(&kept)?;
    Ok(counts(&kept))
}
