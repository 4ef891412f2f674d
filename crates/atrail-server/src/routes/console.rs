//! The console's pages.

#[cfg(feature = "console")]
mod assets;
pub(super) mod links;
pub(super) mod oidc;
pub(super) mod session;

use std::sync::Arc;

use atrail_api::paths;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::{info, unknown_path};
use crate::app::App;
use crate::error::ApiError;

/// Leads a browser to the console; tells any other client what this server is.
pub(super) async fn root(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    if app.settings.console.is_served() && accept.is_some_and(|accept| accept.contains("text/html"))
    {
        return Redirect::to(paths::CONSOLE_DOCUMENT).into_response();
    }
    info::show(State(app), headers).await.into_response()
}

/// Leads to the console's document.
pub(super) async fn to_document(State(app): State<Arc<App>>) -> Response {
    if app.settings.console.is_served() {
        Redirect::to(paths::CONSOLE_DOCUMENT).into_response()
    } else {
        unknown_path().await.into_response()
    }
}

/// Returns the document.
pub(super) async fn document(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    assets::serve(&app, &headers, "").await
}

/// Returns what the document refers to.
pub(super) async fn asset(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    // The path as it was sent: nothing in it needs an escape.
    let path = uri.path().strip_prefix(paths::CONSOLE_DOCUMENT);
    assets::serve(&app, &headers, path.unwrap_or_default()).await
}

/// A build without the pages.
#[cfg(not(feature = "console"))]
mod assets {
    use super::{ApiError, App, HeaderMap, Response, unknown_path};

    pub(super) async fn serve(_: &App, _: &HeaderMap, _: &str) -> Result<Response, ApiError> {
        Err(unknown_path().await)
    }
}
