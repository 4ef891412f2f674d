//! The caller's logins.

use std::sync::Arc;

use atrail_api::{Deleted, List, Login, LoginBy, LoginKind};
use atrail_model::{LoginId, format_timestamp};
use atrail_store::OwnLogin;
use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::auth::login::record_end;
use crate::auth::principal::Manager;
use crate::error::ApiError;
use crate::extract::IdInPath;

/// Lists the caller's logins in force, the newest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
) -> Result<Json<List<Login>>, ApiError> {
    let all = app.identity.logins_of(principal.id(), app.clock.now());
    let resources = all.await?.into_iter();
    Ok(Json(List {
        resources: resources
            .map(|login| wire(login, principal.login()))
            .collect(),
    }))
}

/// Ends one of the caller's logins, with its tails and downloads.
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    id: IdInPath<LoginId>,
) -> Result<Json<Deleted>, ApiError> {
    let login = id.of("login")?;
    let identity = principal.identity(&app);
    let ended = identity.end_own_login(principal.id(), login).await?;
    let ended = ended.ok_or_else(|| ApiError::not_found("login"))?;
    record_end(&app, Some(ended), principal.origin()).await;
    Ok(Json(Deleted {
        message: "Delete login success".to_owned(),
    }))
}

/// Ends the caller's logins but that of the request.
pub(super) async fn end_others(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
) -> Result<Json<Deleted>, ApiError> {
    let identity = principal.identity(&app);
    let all = identity.end_other_logins(principal.id(), principal.login());
    let all = all.await?;
    let message = format!("{} logins were ended.", all.len());
    for ended in all {
        record_end(&app, Some(ended), principal.origin()).await;
    }
    Ok(Json(Deleted { message }))
}

fn wire(login: OwnLogin, current: LoginId) -> Login {
    let OwnLogin {
        login,
        began,
        expires,
        is_browser,
        is_external,
        api_key,
    } = login;
    Login {
        id: login.to_string(),
        kind: if is_browser {
            LoginKind::Browser
        } else {
            LoginKind::Client
        },
        by: match (&api_key, is_external) {
            (Some(_), _) => LoginBy::ApiKey,
            (None, true) => LoginBy::Provider,
            (None, false) => LoginBy::Password,
        },
        api_key,
        began: format_timestamp(began),
        expires: format_timestamp(expires),
        current: login == current,
    }
}
