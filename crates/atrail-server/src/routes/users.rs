//! Users: managed by the operator.

use std::sync::Arc;

use atrail_api::{List, User, UserCreate};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::auth::principal::{Operator, Principal};
use crate::error::ApiError;
use crate::extract::JsonBody;

/// All of them for the operator; for everybody else, the caller.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    principal: Principal,
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

/// A new user, without any role.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    _: Operator,
    JsonBody(UserCreate {
        name,
        password,
        operator,
    }): JsonBody<UserCreate>,
) -> Result<(StatusCode, Json<User>), ApiError> {
    let hash = app.passwords.hash(password).await?;
    let now = app.clock.now();
    let made = app
        .identity
        .create_user(&name, &hash, operator, now)
        .await?;
    Ok((StatusCode::CREATED, Json(wire(made))))
}

fn wire(user: atrail_store::User) -> User {
    let atrail_store::User { id, name, operator } = user;
    User {
        guid: id.to_string(),
        name,
        operator,
    }
}
