//! GitLab's streams of audit events, and its other webhooks: one JSON object each, whatever its media type states.

use std::borrow::Cow;
use std::sync::Arc;

use atrail_sources::{Hints, Payload};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{keep_one, must_have_kept};
use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::error::ApiError;
use crate::fields::text_of;
use crate::metrics::Receiver;
use crate::receivers::{self, Received, Receiving};

/// The headers that name the kind of the event.
const EVENTS: [&str; 2] = ["x-gitlab-audit-event-type", "x-gitlab-event"];
/// The header that is the same for each attempt to deliver an event.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Accepts an event.
pub(in crate::routes) async fn receive(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    let headers = authorised.wire.headers.clone();
    let receiving = Receiving::of(&app, Receiver::GitLab, authorised).await?;
    let kept = receivers::keep(&app, receiving, move |body, keeper| {
        let present = |text: &str| (!text.is_empty()).then(|| Cow::Owned(text.to_owned()));
        let payload = Payload {
            text: atrail_carriers::whole(body),
            hints: Hints {
                id: present(text_of(&headers, IDEMPOTENCY_KEY)),
                source: EVENTS
                    .iter()
                    .find_map(|name| present(text_of(&headers, name))),
                ..Hints::default()
            },
        };
        keep_one(keeper, &payload)
    })
    .await?;
    must_have_kept(&kept)?;
    Ok(StatusCode::OK.into_response())
}
