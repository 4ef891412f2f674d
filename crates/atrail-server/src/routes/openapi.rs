//! The description of the API.

use axum::http::header;
use axum::response::IntoResponse;

use crate::openapi;

/// Returns the document that is also `docs/openapi.json`.
pub(super) async fn show() -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, openapi::document())
}
