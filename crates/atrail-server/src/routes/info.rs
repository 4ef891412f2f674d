//! The server's name and version, and its login endpoints.

use std::sync::Arc;

use atrail_api::{InfoResponse, OidcInfo};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};

use crate::app::App;

/// The version of the original's API that this server speaks.
const API_VERSION: &str = "3.0.0";

/// Shows the base URLs: the public one, or one with the host name that the client used, because the server cannot know
/// its own name.
pub(super) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Json<InfoResponse> {
    let base = base(&app, &headers);
    Json(InfoResponse {
        name: "atrail".to_owned(),
        build: env!("CARGO_PKG_VERSION").to_owned(),
        api_version: API_VERSION.to_owned(),
        authorization_endpoint: base.clone(),
        token_endpoint: base,
        oidc: app.oidc.as_ref().map(|oidc| OidcInfo {
            issuer: oidc.issuer().to_owned(),
            client_id: oidc.client_id().to_owned(),
            scope: oidc.scope().to_owned(),
        }),
    })
}

/// Returns the base URL for a client that used this host name.
pub(super) fn base(app: &App, headers: &HeaderMap) -> String {
    match (&app.settings.public_url, host(headers)) {
        (Some(url), _) => url.to_string(),
        (None, Some(host)) => format!("{}://{host}", app.settings.scheme()),
        (None, None) => app.settings.endpoint(app.settings.listen),
    }
}

/// Returns the host name that the client used; an HTTP/1.0 request may omit it.
fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    Some(host).filter(|host| !host.is_empty())
}
