//! Checks of the server's health.

use std::sync::Arc;

use axum::extract::State;

use crate::app::App;
use crate::error::ApiError;

/// Answers as long as the process works.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Answers success while the server accepts events and the catalog answers.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<String, ApiError> {
    if let Some(refusal) = app.store.write_refusal() {
        return Err(refusal.into());
    }
    app.identity.is_founded().await?;
    // The server serves other hours, so it is ready, and reports the hours that it cannot seal.
    Ok(match app.store.hours_apart() {
        0 => "ready\n".to_owned(),
        hours => format!("ready\nhours that the server cannot seal: {hours}; see its log\n"),
    })
}
