//! Roles of users. The operator manages all; an owner manages those in the account.

use std::sync::Arc;

use atrail_api::{Deleted, HeldRole, List, Role, RoleGrant};
use atrail_model::{self as model, AccountId, AccountRole, Domain, SpaceId, SpaceRole, User};
use atrail_store::{self as store, ErrorKind, Granted, Granter, Revoked, StoreError};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::role_place::{place, with_place};
use crate::app::App;
use crate::audit::{Act, Action, Thing};
use crate::auth::principal::{Manager, Principal};
use crate::error::ApiError;
use crate::extract::{BodyOrQuery, JsonBody};

/// Lists the roles that the caller manages, and the caller's own.
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

/// Grants a role to a user, by name; 200 when the user already held it. An owner invites a user who holds no role in
/// the account, and no answer reveals whether such a user exists; the operator grants the role at once.
pub(super) async fn grant(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    JsonBody(wire): JsonBody<RoleGrant>,
) -> Result<Response, ApiError> {
    let (role, account) = managed(&app, &principal, &wire).await?;
    let granter = if principal.is_operator() {
        Granter::Operator
    } else {
        Granter::Owner(principal.id())
    };
    let identity = principal.identity(&app);
    let now = app.clock.now();
    let granted = identity.grant(&wire.user, role, granter, now).await;
    let granted = granted.map_err(|error| unknown(error, "user"))?;
    principal.manages(&app, account).await;
    let about = |action| {
        with_place(
            Act::new(action, principal.actor(), Domain::Account(account)),
            &role,
        )
    };
    let held = |user: User| {
        let (role, account, space) = place(role);
        Json(RoleGrant {
            user: user.name,
            role,
            account,
            space,
        })
    };
    Ok(match granted {
        Granted::Now(user) => {
            let act = about(Action::GrantRole).to(Thing::user(&user));
            app.audit.record(act).await;
            (StatusCode::CREATED, held(user)).into_response()
        }
        Granted::Before(user) => held(user).into_response(),
        Granted::Offered(invitation) => {
            let invitee = Thing::invitee(&invitation.id, &invitation.user_name);
            app.audit
                .record(about(Action::InviteUser).to(invitee))
                .await;
            let invitation = super::invitations::wire(invitation);
            (StatusCode::ACCEPTED, Json(invitation)).into_response()
        }
    })
}

/// Revokes a user's role, by name, or withdraws its offer.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    BodyOrQuery(wire): BodyOrQuery<RoleGrant>,
) -> Result<Json<Deleted>, ApiError> {
    let (role, account) = managed(&app, &principal, &wire).await?;
    let now = app.clock.now();
    let revoked = principal.identity(&app).revoke(&wire.user, role, now).await;
    let revoked = revoked.map_err(|error| unknown(error, "role"))?;
    principal.manages(&app, account).await;
    let (action, thing) = match revoked {
        Revoked::Role(user) => (Action::RevokeRole, Thing::user(&user)),
        Revoked::Offer => (
            Action::WithdrawInvitation,
            Thing::invitee(&wire.user, &wire.user),
        ),
    };
    let act = Act::new(action, principal.actor(), Domain::Account(account));
    app.audit.record(with_place(act, &role).to(thing)).await;
    Ok(Json(Deleted {
        message: "Delete role success".to_owned(),
    }))
}

/// Answers for a thing that does not exist as for one that the caller may not know of.
fn unknown(error: StoreError, what: &str) -> ApiError {
    if error.kind() == ErrorKind::NotFound {
        ApiError::not_found(what)
    } else {
        error.into()
    }
}

/// Returns the role that the request names and its account, if the caller may grant and revoke the role.
async fn managed(
    app: &App,
    principal: &Principal,
    wire: &RoleGrant,
) -> Result<(model::HeldRole, AccountId), ApiError> {
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
            Ok((model::HeldRole::Account(id, role), id))
        }
        (None, Some(space)) => {
            let role = role_of_space(*role)?;
            let unknown = || ApiError::not_found("space");
            let id: SpaceId = space.parse().map_err(|_| unknown())?;
            let knows = |account| principal.knows_space(id, account);
            let account = app.standings.account_of(id, knows).await?;
            let account = account.ok_or_else(unknown)?;
            if !principal.is_operator() {
                principal.must_own(account, true, "space")?;
            }
            Ok((model::HeldRole::Space(id, role), account))
        }
        _ => Err(ApiError::bad_request(
            "a role belongs to an account or to a space: send the GUID of one of them",
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
    let (role, account, space) = place(role);
    HeldRole {
        user: user_name,
        role,
        account,
        space,
        claimed,
    }
}
