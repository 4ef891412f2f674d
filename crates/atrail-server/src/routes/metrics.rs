//! Metrics for Prometheus. Anybody may read them: no label and no value identifies a tenant, but for the operator.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::app::App;
use crate::auth::principal::Operator;
use crate::error::ApiError;
use crate::metrics::{self, CONTENT_TYPE};

/// Returns the metrics of the server and its store since the start; to the operator also those of each ingest key. A
/// credential that does not admit is as none, because monitoring must work then above all.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    operator: Result<Operator, ApiError>,
) -> impl IntoResponse {
    let open_sessions = app.store.open_sessions().await.ok();
    let stats = app.store.stats();
    let (_, waiting) = app.searches.taken();
    let now = app.clock.elapsed();
    let senders = app.ingest_keys.senders(operator.is_ok()).await;
    let page = metrics::render(&app.metrics, &stats, open_sessions, waiting, &senders, now);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page)
}
