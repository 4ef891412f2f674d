//! The caller's own password.

use std::sync::Arc;

use atrail_api::PasswordChange;
use axum::extract::{Extension, State};
use axum::http::StatusCode;

use super::Peer;
use crate::app::App;
use crate::audit::{Act, Action, Thing};
use crate::auth::principal::Manager;
use crate::error::ApiError;
use crate::extract::JsonBody;

/// Changes it, and ends the caller's other logins by password. The old one is guessed no faster here than at a login.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Extension(Peer(address)): Extension<Peer>,
    Manager(principal): Manager,
    JsonBody(PasswordChange { old, new }): JsonBody<PasswordChange>,
) -> Result<StatusCode, ApiError> {
    let wrong = || ApiError::forbidden("the old password is not right");
    let name = &principal.user().name;
    let attempt = app
        .throttle
        .begin(Some(name), address, app.clock.elapsed())?;
    let found = app.identity.credentials(name).await?;
    let old_hash = found.and_then(|found| found.password_hash);
    if !app.passwords.verify(old, old_hash.clone(), address).await? {
        return Err(wrong());
    }
    attempt.succeeded();
    let new_hash = app.passwords.hash(new, address).await?;
    let old_hash = old_hash.unwrap_or_default();
    let (id, login) = (principal.id(), principal.login());
    let changed = app
        .identity
        .change_password(id, &old_hash, &new_hash, login)
        .await?;
    app.standings.forget();
    if !changed {
        return Err(wrong());
    }
    let act = |domain| {
        let act = Act::new(Action::ChangePassword, principal.actor(), domain);
        act.to(Thing::user(principal.user()))
    };
    app.audit.record_for(id, act).await;
    Ok(StatusCode::NO_CONTENT)
}
