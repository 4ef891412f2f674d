//! Legal holds: a hold prevents every deletion.

use std::sync::Arc;

use atrail_api::{HoldRequest, HoldRow};
use atrail_model::{Domain, StandingHold, Target, format_timestamp};
use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::audit::{Act, Action};
use crate::auth::access::{Aimed, Authorised, KeepHolds, ReadEvents};
use crate::error::ApiError;
use crate::extract::BodyOrQuery;
use crate::observe::RequestId;

impl Aimed for BodyOrQuery<HoldRequest> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

/// Lists the holds on the targeted space, or, at account level, on the account's own domain and every space.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Authorised { target, .. }: Authorised<ReadEvents, BodyOrQuery<HoldRequest>>,
) -> Result<Json<Vec<HoldRow>>, ApiError> {
    standing(&app, target).await
}

/// Sets a hold, and answers as [`list`] does.
pub(super) async fn set(
    State(app): State<Arc<App>>,
    request_id: RequestId,
    Authorised {
        principal,
        target,
        wire: BodyOrQuery(request),
        ..
    }: Authorised<KeepHolds, BodyOrQuery<HoldRequest>>,
) -> Result<Json<Vec<HoldRow>>, ApiError> {
    let reason = request.reason.unwrap_or_default();
    let warrant = principal.warrant(&app);
    let requester = principal.requester(&request_id.0, &reason, &warrant);
    app.store.set_hold(target, requester).await?;
    let act = Act::new(Action::SetHold, principal.actor(), target.domain());
    app.audit.record(act.with("reason", reason.as_str())).await;
    standing(&app, target).await
}

/// Releases the hold that was set on the target, and answers as [`list`] does.
pub(super) async fn release(
    State(app): State<Arc<App>>,
    request_id: RequestId,
    Authorised {
        principal,
        target,
        wire: BodyOrQuery(request),
        ..
    }: Authorised<KeepHolds, BodyOrQuery<HoldRequest>>,
) -> Result<Json<Vec<HoldRow>>, ApiError> {
    let reason = request.reason.unwrap_or_default();
    let warrant = principal.warrant(&app);
    let requester = principal.requester(&request_id.0, &reason, &warrant);
    app.store.release_hold(target, requester).await?;
    let act = Act::new(Action::ReleaseHold, principal.actor(), target.domain());
    app.audit.record(act.with("reason", reason.as_str())).await;
    standing(&app, target).await
}

async fn standing(app: &App, target: Target) -> Result<Json<Vec<HoldRow>>, ApiError> {
    let holds = app.store.holds(target).await?;
    Ok(Json(holds.into_iter().map(wire).collect()))
}

fn wire(hold: StandingHold) -> HoldRow {
    HoldRow {
        space: match hold.domain {
            Domain::Space(id) => id.to_string(),
            Domain::Account(id) => id.to_string(),
        },
        level: if hold.at_account_level {
            "account".to_owned()
        } else {
            "space".to_owned()
        },
        reason: hold.reason,
        actor: hold.actor,
        since: format_timestamp(hold.since),
    }
}
