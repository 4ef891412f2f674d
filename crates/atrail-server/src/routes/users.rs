//! Users, which the operator manages.

use std::sync::Arc;

use atrail_api::{Deleted, List, User, UserCreate};
use atrail_model::UserId;
use atrail_store::ErrorKind;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;

use crate::app::App;
use crate::audit::{ACCOUNTS_MAX, Act, Action, Thing};
use crate::auth::principal::{Manager, Operator, Principal};
use crate::error::ApiError;
use crate::extract::{IdInPath, JsonBody};
use crate::observe::Peer;

/// Lists all users for the operator; for anybody else, the caller.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
) -> Result<Json<List<User>>, ApiError> {
    let users = if principal.is_operator() {
        app.identity.users().await?
    } else {
        vec![principal.user().clone()]
    };
    Ok(Json(List {
        resources: users.into_iter().map(wire).collect(),
    }))
}

/// Creates a user, without any role.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    principal: Principal,
    Extension(Peer(address)): Extension<Peer>,
    _: Operator,
    JsonBody(UserCreate {
        name,
        password,
        operator,
    }): JsonBody<UserCreate>,
) -> Result<(StatusCode, Json<User>), ApiError> {
    let hash = match password {
        Some(password) => app.passwords.hash(password, address).await?,
        None => String::new(),
    };
    let now = app.clock.now();
    let identity = principal.identity(&app);
    let made = identity.create_user(&name, &hash, operator, now).await?;
    Ok((StatusCode::CREATED, Json(wire(made))))
}

/// Shows any user to the operator; to anybody else, only the caller.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    id: IdInPath<UserId>,
) -> Result<Json<User>, ApiError> {
    let id = id.of("user")?;
    if id == principal.id() {
        return Ok(Json(wire(principal.user().clone())));
    }
    if !principal.is_operator() {
        return Err(ApiError::not_found("user"));
    }
    Ok(Json(wire(found(&app, id).await?)))
}

/// Deletes a user with all keys, roles, logins and sessions.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    principal: Principal,
    _: Operator,
    id: IdInPath<UserId>,
) -> Result<Json<Deleted>, ApiError> {
    let user = found(&app, id.of("user")?).await?;
    let deleted = principal.identity(&app).delete_user(user.id).await;
    let accounts = match deleted {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(ApiError::not_found("user"));
        }
        accounts => accounts?,
    };
    let accounts = &accounts[..accounts.len().min(ACCOUNTS_MAX)];
    let act = |domain| {
        let act = Act::new(Action::DeleteUser, principal.actor(), domain);
        act.to(Thing::user(&user))
    };
    app.audit.record_in(accounts, act).await;
    Ok(Json(Deleted {
        message: "Delete user success".to_owned(),
    }))
}

async fn found(app: &App, id: UserId) -> Result<atrail_model::User, ApiError> {
    match app.identity.user(id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(ApiError::not_found("user")),
        found => Ok(found?),
    }
}

fn wire(user: atrail_model::User) -> User {
    let atrail_model::User { id, name, operator } = user;
    User {
        guid: id.to_string(),
        name,
        operator,
    }
}
