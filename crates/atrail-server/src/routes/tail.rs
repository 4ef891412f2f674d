//! Events as they become durable.

use std::sync::Arc;

use atrail_api::TailQuery;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::audit::{Act, Action};
use crate::auth::access::{Aimed, Authorised, ReadEvents};
use crate::auth::watch::Watch;
use crate::error::ApiError;
use crate::extract::OptionalJsonBody;
use crate::ingest::budget::Sender;
use crate::serve::served::Served;
use crate::tail::{Filter, Follower, TAIL_BYTES};

impl Aimed for OptionalJsonBody<TailQuery> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

/// Follows the events of a target, until the client leaves, its right ends, or the server stops.
pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Authorised {
        principal,
        target,
        wire: OptionalJsonBody(query),
        ..
    }: Authorised<ReadEvents, OptionalJsonBody<TailQuery>>,
) -> Result<Response, ApiError> {
    let filter = Filter::of(query.query.as_deref())?;
    let from = match query.after.as_deref() {
        Some(text) => app.tails.positions.parse(text)?,
        None => Default::default(),
    };
    let seat = app.tails.seat(principal.id())?;
    let sender = Sender::of(&app, &principal, target).await?;
    let mut share = app.ingest_budget.share_of(sender);
    share.begin(TAIL_BYTES).await?;
    let mut act = Act::new(Action::TailEvents, principal.actor(), target.domain());
    if let Some(text) = query.query.as_deref() {
        act = act.searching(text);
    }
    app.audit.read_this(act).await?;
    let watch = Watch::new(&app, &principal, target);
    let follower = Follower::new(&app, watch, target, filter, from).await?;
    let body = Body::from_stream(follower.lines());
    let body = Body::new(Served::new(body, (share, seat)));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}
