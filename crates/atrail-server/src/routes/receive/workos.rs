//! The API by which programs write audit logs to WorkOS. Their SDK accepts one answer alone. With a key for an account, the
//! organization may choose the space.

use std::borrow::Cow;
use std::sync::Arc;

use atrail_api::ErrorCode;
use atrail_carriers::workos;
use atrail_sources::{Hints, Payload};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{keep_one, must_have_kept, of_format};
use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::error::ApiError;
use crate::fields::text_of;
use crate::metrics::Receiver;
use crate::receivers::{self, Received, Receiving};

/// Accepts an event. Its idempotency key is its id.
pub(in crate::routes) async fn create(
    State(app): State<Arc<App>>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, ApiError> {
    let by_organization = match authorised.principal.ingest_key() {
        Some(key) => {
            app.identity
                .ingest_key_is_by_organization(key.login)
                .await?
        }
        None => false,
    };
    let key = text_of(&authorised.wire.headers, "idempotency-key").to_owned();
    let mut receiving = Receiving::of(&app, Receiver::WorkOs, authorised).await?;
    of_format(&mut receiving, "workos");
    if by_organization {
        receiving.incoming.organization = Some(workos::organization);
    }
    let kept = receivers::keep(&app, receiving, move |body, keeper| {
        let payload = Payload {
            text: atrail_carriers::whole(body),
            hints: Hints {
                id: (!key.is_empty()).then_some(Cow::Borrowed(&*key)),
                ..Hints::default()
            },
        };
        keep_one(keeper, &payload)
    })
    .await?;
    must_have_kept(&kept)?;
    Ok((StatusCode::CREATED, Json(json!({"success": true}))).into_response())
}

/// Writes an error as this API does.
pub(crate) fn refusal(code: ErrorCode, detail: &str) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({"message": detail, "code": code});
    (status, Json(body)).into_response()
}
