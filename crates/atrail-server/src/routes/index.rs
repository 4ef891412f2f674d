//! The care of the search index, for the operator.

use std::sync::Arc;

use atrail_api::{IndexRequest, IndexState};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::auth::principal::{Operator, Principal};
use crate::error::ApiError;
use crate::extract::OptionalJsonBody;

/// Shows what the index lacks, and what was done last.
pub(super) async fn show(State(app): State<Arc<App>>, _: Operator) -> Json<IndexState> {
    Json(state(&app))
}

/// Begins to verify the index, or to make it anew. While that goes on, it only shows how far it is.
pub(super) async fn care(
    State(app): State<Arc<App>>,
    principal: Principal,
    _: Operator,
    OptionalJsonBody(IndexRequest { care }): OptionalJsonBody<IndexRequest>,
) -> Result<(StatusCode, Json<IndexState>), ApiError> {
    if app.searches.care.begin(&app.store, care) {
        tracing::info!(user = %principal.id(), ?care, "an operator takes care of the index");
    }
    Ok((StatusCode::ACCEPTED, Json(state(&app))))
}

fn state(app: &App) -> IndexState {
    let lacks = app.store.stats().index;
    IndexState {
        waiting_days: lacks.waiting_days,
        failing_days: lacks.failing_days,
        waiting_seconds: lacks.waiting_for.as_secs(),
        care: app.searches.care.last(),
    }
}
