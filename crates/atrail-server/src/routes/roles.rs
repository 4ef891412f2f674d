//! Who holds which role. The operator manages all; an owner, those in the account.

use std::sync::Arc;

use atrail_api::{Deleted, HeldRole, List, Role, RoleGrant};
use atrail_model::{AccountId, Domain, SpaceId};
use atrail_store::{self as store, AccountRole, SpaceRole};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::audit::{Act, Action, Thing};
use crate::auth::principal::{Manager, Principal};
use crate::error::ApiError;
use crate::extract::{BodyOrQuery, JsonBody};

/// Those that the caller manages, and the caller's own.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
) -> Result<Json<List<HeldRole>>, ApiError> {
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
    Manager(principal): Manager,
    JsonBody(wire): JsonBody<RoleGrant>,
) -> Result<(StatusCode, Json<RoleGrant>), ApiError> {
    let (role, account) = managed(&app, &principal, &wire).await?;
    let user = app.identity.user_named(&wire.user).await?;
    let is_new = app.identity.grant(user.id, role).await?;
    app.standings.forget();
    let status = if is_new {
        let act = about(Action::GrantRole, &principal, account, &wire);
        app.audit.record(act.to(Thing::user(&user))).await;
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(wire)))
}

/// Takes a role from a user, by name.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    BodyOrQuery(wire): BodyOrQuery<RoleGrant>,
) -> Result<Json<Deleted>, ApiError> {
    let (role, account) = managed(&app, &principal, &wire).await?;
    let user = app.identity.user_named(&wire.user).await?;
    if !app.identity.revoke(user.id, role).await? {
        return Err(ApiError::not_found("role"));
    }
    app.standings.forget();
    let act = about(Action::RevokeRole, &principal, account, &wire);
    app.audit.record(act.to(Thing::user(&user))).await;
    Ok(Json(Deleted {
        message: "Delete role success".to_owned(),
    }))
}

fn about(action: Action, principal: &Principal, account: AccountId, wire: &RoleGrant) -> Act {
    let act = Act::new(action, principal.actor(), Domain::Account(account));
    let act = act.with("role", wire.role.word());
    match &wire.space {
        Some(space) => act.with("space", space.as_str()),
        None => act,
    }
}

/// The role that the request names, if it is the caller's to give and take, and the account that it lies in.
async fn managed(
    app: &App,
    principal: &Principal,
    wire: &RoleGrant,
) -> Result<(store::HeldRole, AccountId), ApiError> {
    let RoleGrant {
        user: _,
        role,
        account,
        space,
    } = wire;
    match (account, space) {
        (Some(account), None) => {
            let role = role_of_account(*role)?;
            let id = account
                .parse()
                .map_err(|_| ApiError::not_found("account"))?;
            app.must_exist(id).await?;
            if !principal.is_operator() {
                principal.must_own(id, principal.knows_account(id), "account")?;
            }
            Ok((store::HeldRole::Account(id, role), id))
        }
        (None, Some(space)) => {
            let role = role_of_space(*role)?;
            let unknown = || ApiError::not_found("space");
            let id: SpaceId = space.parse().map_err(|_| unknown())?;
            let account = app.standings.account_of(id).await?.ok_or_else(unknown)?;
            if !principal.is_operator() {
                principal.must_own(account, principal.knows_space(id, account), "space")?;
            }
            Ok((store::HeldRole::Space(id, role), account))
        }
        _ => Err(ApiError::bad_request(
            "a role is held of an account or of a space: give the GUID of one of them",
        )),
    }
}

fn role_of_account(role: Role) -> Result<AccountRole, ApiError> {
    AccountRole::of_word(role.word()).ok_or_else(|| {
        ApiError::bad_request("the roles of an account are owner, auditor and writer")
    })
}

fn role_of_space(role: Role) -> Result<SpaceRole, ApiError> {
    SpaceRole::of_word(role.word()).ok_or_else(|| {
        ApiError::bad_request("the roles of a space are developer, auditor and writer")
    })
}

fn wire(grant: store::Grant) -> HeldRole {
    let store::Grant {
        user: _,
        user_name,
        role,
        account: _,
        claimed,
    } = grant;
    let (role, account, space) = match role {
        store::HeldRole::Account(id, role) => {
            let role = match role {
                AccountRole::Owner => Role::Owner,
                AccountRole::Auditor => Role::Auditor,
                AccountRole::Writer => Role::Writer,
            };
            (role, Some(id.to_string()), None)
        }
        store::HeldRole::Space(id, role) => {
            let role = match role {
                SpaceRole::Developer => Role::Developer,
                SpaceRole::Auditor => Role::Auditor,
                SpaceRole::Writer => Role::Writer,
            };
            (role, None, Some(id.to_string()))
        }
    };
    HeldRole {
        user: user_name,
        role,
        account,
        space,
        claimed,
    }
}
