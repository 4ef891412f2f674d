//! Links that log a browser in once, as the user of the client that asks for one.

use std::sync::Arc;
use std::time::Duration;

use atrail_api::{ConsoleLink, paths};
use atrail_model::{Timestamp, format_timestamp};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::super::{info, unknown_path};
use crate::app::App;
use crate::auth::principal::Principal;
use crate::auth::secrets;
use crate::error::ApiError;

/// A link that nobody uses expires after this time.
const TTL: Duration = Duration::from_secs(300);

/// Makes a link. What it begins has the rights of the caller's login, and ends with it: when the caller logs out, when the
/// caller's API key ends, and no later than the provider's login.
pub(in crate::routes) async fn create(
    State(app): State<Arc<App>>,
    principal: Principal,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<ConsoleLink>), ApiError> {
    if !app.settings.console.is_served() {
        return Err(unknown_path().await);
    }
    let secret = secrets::link().map_err(ApiError::internal)?;
    let now = app.clock.now();
    let expires = now.checked_add(TTL).unwrap_or(Timestamp::MAX);
    let made = app
        .identity
        .create_login_link(secret.hash(), principal.login(), now, expires)
        .await?;
    if !made {
        return Err(ApiError::unauthenticated(
            "your login, or your API key, has ended: log in again",
        ));
    }
    // The secret is in the fragment, which a browser sends to no server.
    let base = info::base(&app, &headers);
    let link = format!(
        "{base}{}#/login?link={}",
        paths::CONSOLE_DOCUMENT,
        secret.expose()
    );
    let link = ConsoleLink {
        link,
        expires: format_timestamp(expires),
    };
    Ok((StatusCode::CREATED, Json(link)))
}
