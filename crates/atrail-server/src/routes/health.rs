//! For those who watch over the process.

use std::sync::Arc;

use axum::extract::State;

use crate::app::App;
use crate::error::ApiError;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Events are taken in and the catalog answers.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<String, ApiError> {
    if let Some(refusal) = app.store.write_refusal() {
        return Err(refusal.into());
    }
    app.identity.is_founded().await?;
    // Others are served, so it is ready; who looks is told.
    Ok(match app.store.hours_apart() {
        0 => "ready\n".to_owned(),
        hours => format!("ready\nhours that cannot be sealed: {hours}; the log says why\n"),
    })
}
