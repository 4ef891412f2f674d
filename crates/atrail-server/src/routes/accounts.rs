//! Accounts: managed by the operator.

use std::sync::Arc;

use atrail_api::{Account, AccountCreate, List};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::auth::principal::{Operator, Principal};
use crate::error::ApiError;
use crate::extract::JsonBody;

/// Those that the caller may know of.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    principal: Principal,
) -> Result<Json<List<Account>>, ApiError> {
    let all = app.tenancy.accounts().await?;
    let known = all.into_iter().filter(|one| principal.knows(one.id));
    Ok(Json(List {
        resources: known.map(wire).collect(),
    }))
}

/// A new account; nobody owns it yet.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    _: Operator,
    JsonBody(AccountCreate { name }): JsonBody<AccountCreate>,
) -> Result<(StatusCode, Json<Account>), ApiError> {
    let made = app.tenancy.create_account(&name, app.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(wire(made))))
}

fn wire(account: atrail_store::Account) -> Account {
    let atrail_store::Account { id, name } = account;
    Account {
        guid: id.to_string(),
        name,
    }
}
