//! Options of a space: how long its events are kept.

use std::sync::Arc;

use atrail_api::{OptionRow, OptionsRequest};
use atrail_model::{Domain, DomainRetention, Retention};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use super::retention;
use crate::app::App;
use crate::audit::{Act, Action};
use crate::auth::access::{Aimed, Authorised, ReadOptions, SetOptions};
use crate::error::ApiError;
use crate::extract::{BodyOrQuery, JsonBody};

/// Rows, with a note about the server's clock in a header.
type Noted = (HeaderMap, Json<Vec<OptionRow>>);

impl Aimed for BodyOrQuery<OptionsRequest> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

impl Aimed for JsonBody<OptionsRequest> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

/// Shows the retention of the targeted space, or, at account level, of the account's own domain and every space.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Authorised {
        target,
        wire: BodyOrQuery(request),
        ..
    }: Authorised<ReadOptions, BodyOrQuery<OptionsRequest>>,
) -> Result<Noted, ApiError> {
    let OptionsRequest {
        retention,
        at_account_level: _,
    } = request;
    if retention.is_some() {
        return Err(ApiError::bad_request("set retention with PUT"));
    }
    let rows = app.store.retention(target).await?;
    Ok(answer(&app, rows))
}

/// Sets how long events are kept, and answers as [`list`] does.
pub(super) async fn set(
    State(app): State<Arc<App>>,
    Authorised {
        principal,
        target,
        wire: JsonBody(request),
        ..
    }: Authorised<SetOptions, JsonBody<OptionsRequest>>,
) -> Result<Noted, ApiError> {
    let OptionsRequest {
        retention,
        at_account_level: _,
    } = request;
    let days = retention.ok_or_else(|| ApiError::bad_request("retention is missing"))?;
    let retention =
        Retention::try_from(days).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let warrant = principal.warrant(&app);
    let requester = principal.requester("", "", &warrant);
    let set = app
        .store
        .set_retention(target, retention, requester)
        .await?;
    let act = Act::new(Action::WriteOptions, principal.actor(), target.domain());
    let act = act.with("retentionDays", days);
    app.audit.record(act).await;
    Ok(answer(&app, set))
}

fn answer(app: &App, rows: Vec<DomainRetention>) -> Noted {
    let rows = rows.into_iter().map(wire).collect();
    (retention::note(app), Json(rows))
}

fn wire(DomainRetention { domain, retention }: DomainRetention) -> OptionRow {
    OptionRow {
        space: match domain {
            Domain::Space(id) => id.to_string(),
            Domain::Account(id) => id.to_string(),
        },
        retention: retention.number(),
    }
}
