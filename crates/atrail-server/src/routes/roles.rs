//! Who holds which role. The operator manages all; an owner, those in the account.

use std::sync::Arc;

use atrail_api::{Deleted, List, Role, RoleGrant};
use atrail_model::SpaceId;
use atrail_store::{Grant, HeldRole};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::auth::principal::Principal;
use crate::error::ApiError;
use crate::extract::{BodyOrQuery, JsonBody};

/// Those that the caller manages, and the caller's own.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    principal: Principal,
) -> Result<Json<List<RoleGrant>>, ApiError> {
    let all = app.identity.grants().await?;
    let visible = all.into_iter().filter(|one| {
        principal.is_operator() || principal.owns(one.account) || one.user == principal.id()
    });
    Ok(Json(List {
        resources: visible.map(wire).collect(),
    }))
}

/// Gives a role to a user, by name. 200 when the user held it before.
pub(super) async fn grant(
    State(app): State<Arc<App>>,
    principal: Principal,
    JsonBody(wire): JsonBody<RoleGrant>,
) -> Result<(StatusCode, Json<RoleGrant>), ApiError> {
    let role = managed(&app, &principal, &wire).await?;
    let user = app.identity.user_named(&wire.user).await?;
    let status = if app.identity.grant(user.id, role).await? {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    app.standings.forget();
    Ok((status, Json(wire)))
}

/// Takes a role from a user, by name.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    principal: Principal,
    BodyOrQuery(wire): BodyOrQuery<RoleGrant>,
) -> Result<Json<Deleted>, ApiError> {
    let role = managed(&app, &principal, &wire).await?;
    let user = app.identity.user_named(&wire.user).await?;
    if !app.identity.revoke(user.id, role).await? {
        return Err(ApiError::not_found("role"));
    }
    app.standings.forget();
    Ok(Json(Deleted {
        message: "Delete role success".to_owned(),
    }))
}

/// The role that the request names, if it is the caller's to give and take.
async fn managed(app: &App, principal: &Principal, wire: &RoleGrant) -> Result<HeldRole, ApiError> {
    let RoleGrant {
        user: _,
        role,
        account,
        space,
    } = wire;
    match (role, account, space) {
        (Role::Owner, Some(account), None) => {
            let id = account
                .parse()
                .map_err(|_| ApiError::not_found("account"))?;
            app.must_exist(id).await?;
            if !principal.is_operator() {
                principal.must_own(id, principal.knows(id), "account")?;
            }
            Ok(HeldRole::Owner(id))
        }
        (Role::Developer, None, Some(space)) => {
            let unknown = || ApiError::not_found("space");
            let id: SpaceId = space.parse().map_err(|_| unknown())?;
            let account = app.standings.account_of(id).await?.ok_or_else(unknown)?;
            if !principal.is_operator() {
                let known = principal.standing().developed.contains_key(&id);
                principal.must_own(account, known, "space")?;
            }
            Ok(HeldRole::Developer(id))
        }
        _ => Err(ApiError::bad_request(
            "an owner has an account, a developer has a space: give that one GUID and no other",
        )),
    }
}

fn wire(grant: Grant) -> RoleGrant {
    let Grant {
        user: _,
        user_name,
        role,
        account: _,
    } = grant;
    let (role, account, space) = match role {
        HeldRole::Owner(id) => (Role::Owner, Some(id.to_string()), None),
        HeldRole::Developer(id) => (Role::Developer, None, Some(id.to_string())),
    };
    RoleGrant {
        user: user_name,
        role,
        account,
        space,
    }
}
