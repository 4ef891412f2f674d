//! The caller's own password.

use std::sync::Arc;

use atrail_api::PasswordChange;
use atrail_store::canonical_name;
use axum::extract::{Extension, State};
use axum::http::StatusCode;

use crate::app::App;
use crate::audit::{Act, Action, Thing};
use crate::auth::principal::Manager;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::observe::Peer;

/// Changes the caller's password, and ends the caller's other logins by password. Guessing the old password here is as
/// slow as at a login.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Extension(Peer(address)): Extension<Peer>,
    Manager(principal): Manager,
    JsonBody(PasswordChange { old, new }): JsonBody<PasswordChange>,
) -> Result<StatusCode, ApiError> {
    let wrong = || ApiError::forbidden("the old password is wrong");
    let name = &principal.user().name;
    // The spelling that a login counts.
    let counted = canonical_name(name);
    let attempt = app
        .throttle
        .begin(Some(&counted), address, app.clock.elapsed())
        .await?;
    let found = app.identity.credentials(name).await;
    let (attempt, found) = attempt.tried(found)?;
    let old_hash = found.and_then(|found| found.password_hash);
    let fits = app.passwords.verify(old, old_hash.clone(), address).await;
    let (attempt, fits) = attempt.tried(fits)?;
    if !fits {
        return Err(wrong());
    }
    attempt.succeeded();
    let new_hash = app.passwords.hash(new, address).await?;
    let old_hash = old_hash.unwrap_or_default();
    let (id, login) = (principal.id(), principal.login());
    let identity = principal.identity(&app);
    let changed = identity.change_password(id, &old_hash, &new_hash, login);
    let changed = changed.await?;
    if !changed {
        return Err(wrong());
    }
    if crate::founding::is_of(&app.settings.credentials_file(), name) {
        tracing::warn!(
            path = %app.settings.credentials_file().display(),
            "the first user's password changed, so the one in this file is no longer valid. Remove the file; its API key stays valid \
             until it is deleted"
        );
    }
    let act = |domain| {
        let act = Act::new(Action::ChangePassword, principal.actor(), domain);
        act.to(Thing::user(principal.user()))
    };
    app.audit.record_for(id, act).await;
    Ok(StatusCode::NO_CONTENT)
}
