//! Metrics for Prometheus. Anybody may read them: no label and no value identifies a tenant.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::app::App;
use crate::metrics::{self, CONTENT_TYPE};

/// Returns the metrics of the server and its store since the start.
pub(super) async fn show(State(app): State<Arc<App>>) -> impl IntoResponse {
    let open_sessions = app.store.open_sessions().await.ok();
    let stats = app.store.stats();
    let (_, waiting) = app.searches.taken();
    let now = app.clock.elapsed();
    let page = metrics::render(&app.metrics, &stats, open_sessions, waiting, now);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page)
}
