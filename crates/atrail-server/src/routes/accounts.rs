//! Accounts, which the operator manages.

use std::sync::Arc;

use atrail_api::{Account, AccountCreate, Deleted, List};
use atrail_model::AccountId;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::auth::principal::{Operator, Principal};
use crate::error::ApiError;
use crate::extract::{IdInPath, JsonBody};

/// Lists the accounts that the caller may know of.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    principal: Principal,
) -> Result<Json<List<Account>>, ApiError> {
    let all = app.tenancy.accounts().await?;
    let known = all
        .into_iter()
        .filter(|one| principal.knows_account(one.id));
    Ok(Json(List {
        resources: known.map(wire).collect(),
    }))
}

/// Creates an account; it has no owner yet.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    principal: Principal,
    _: Operator,
    JsonBody(AccountCreate { name }): JsonBody<AccountCreate>,
) -> Result<(StatusCode, Json<Account>), ApiError> {
    let tenancy = principal.tenancy(&app);
    let made = tenancy.create_account(&name, app.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(wire(made))))
}

/// Shows an account that the caller may know of.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    principal: Principal,
    id: IdInPath<AccountId>,
) -> Result<Json<Account>, ApiError> {
    let id = id.of("account")?;
    app.must_exist(id).await?;
    if !principal.knows_account(id) {
        return Err(ApiError::not_found("account"));
    }
    Ok(Json(wire(app.tenancy.account(id).await?)))
}

/// Deletes an empty account.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    principal: Principal,
    _: Operator,
    id: IdInPath<AccountId>,
) -> Result<Json<Deleted>, ApiError> {
    let id = id.of("account")?;
    app.must_exist(id).await?;
    let warrant = principal.warrant(&app);
    let requester = principal.requester("", "", &warrant);
    app.store.delete_account(id, requester).await?;
    Ok(Json(Deleted {
        message: "Delete account success".to_owned(),
    }))
}

fn wire(account: atrail_store::Account) -> Account {
    let atrail_store::Account { id, name } = account;
    Account {
        guid: id.to_string(),
        name,
    }
}
