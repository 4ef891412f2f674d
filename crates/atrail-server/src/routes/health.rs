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
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, ApiError> {
    if let Some(refusal) = app.store.write_refusal() {
        return Err(refusal.into());
    }
    app.identity.is_founded().await?;
    Ok("ready\n")
}
