//! Invitations: roles that await acceptance by the invited user.

use std::sync::Arc;

use atrail_api::{Deleted, Invitation, List, RoleGrant};
use atrail_model::{AccountId, AccountRole, Domain, format_timestamp};
use atrail_store::{self as store, Answerer, ErrorKind, InvitationId};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::role_place::{place, with_place};
use crate::app::App;
use crate::audit::{Act, Action, Thing};
use crate::auth::principal::{Manager, Principal};
use crate::error::ApiError;
use crate::extract::IdInPath;

const WHAT: &str = "invitation";

/// Lists the caller's invitations, and those into the accounts that the caller owns; for the operator, all.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
) -> Result<Json<List<Invitation>>, ApiError> {
    let now = app.clock.now();
    let found = if principal.is_operator() {
        app.identity.all_invitations(now).await?
    } else {
        let mut found = app.identity.invitations_of(principal.user(), now).await?;
        for account in principal.standing().accounts_with(AccountRole::Owner) {
            found.extend(app.identity.invitations_into(account, now).await?);
        }
        found
    };
    Ok(Json(List {
        resources: found.into_iter().map(wire).collect(),
    }))
}

/// Accepts an invitation: for the invited user, or the operator on behalf of that user. The user holds the role from
/// then on.
pub(super) async fn accept(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    id: IdInPath<InvitationId>,
) -> Result<(StatusCode, Json<RoleGrant>), ApiError> {
    let id = id.of(WHAT)?;
    let answerer = if principal.is_operator() {
        Answerer::Operator
    } else {
        Answerer::Invitee(principal.user())
    };
    let now = app.clock.now();
    let identity = principal.identity(&app);
    let accepted = identity.accept_invitation(id, answerer, now).await;
    let (user, invitation) = accepted.map_err(unknown)?;
    let domain = Domain::Account(invitation.account);
    let act = Act::new(Action::AcceptInvitation, principal.actor(), domain);
    let act = with_place(act, &invitation.role).to(Thing::user(&user));
    app.audit
        .record(act.with("invitation", id.to_string()))
        .await;
    record_elsewhere(&app, &principal, Action::AcceptInvitation, &invitation).await;
    let (role, account, space) = place(invitation.role);
    let held = RoleGrant {
        user: user.name,
        role,
        account,
        space,
    };
    Ok((StatusCode::CREATED, Json(held)))
}

/// Ends an invitation: the invited user declines it, or an owner of its account or the operator withdraws it.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    id: IdInPath<InvitationId>,
) -> Result<Json<Deleted>, ApiError> {
    let id = id.of(WHAT)?;
    let now = app.clock.now();
    let account = app.identity.account_of_invitation(id, now).await?;
    let account = account.ok_or_else(|| ApiError::not_found(WHAT))?;
    let identity = principal.identity(&app);
    let message = if principal.is_operator() || principal.owns(account) {
        let withdrawn = identity.withdraw_invitation(id, Some(account), now).await;
        let withdrawn = withdrawn.map_err(unknown)?;
        let act = Act::new(
            Action::WithdrawInvitation,
            principal.actor(),
            Domain::Account(account),
        );
        let act = with_place(act, &withdrawn.role);
        let act = act.to(Thing::invitee(&id, &withdrawn.user_name));
        app.audit.record(act).await;
        "Withdraw invitation success"
    } else {
        let declined = identity.decline_invitation(id, principal.user(), now).await;
        let declined = declined.map_err(unknown)?;
        // The inviting account must not learn whether such a user exists.
        record_elsewhere(&app, &principal, Action::DeclineInvitation, &declined).await;
        "Decline invitation success"
    };
    Ok(Json(Deleted {
        message: message.to_owned(),
    }))
}

/// Records an invited user's action in the accounts that the user uses, without naming the inviter. The operator may
/// act for somebody else, and thereby uses no account.
async fn record_elsewhere(
    app: &App,
    principal: &Principal,
    action: Action,
    invitation: &store::Invitation,
) {
    if principal.is_operator() {
        return;
    }
    let accounts = app.audit.accounts_of(principal.id()).await;
    let others: Vec<AccountId> = accounts
        .into_iter()
        .filter(|account| *account != invitation.account)
        .collect();
    let act = |domain| {
        let act = Act::new(action, principal.actor(), domain);
        act.to(Thing::user(principal.user()))
    };
    app.audit.record_in(&others, act).await;
}

fn unknown(error: store::StoreError) -> ApiError {
    if error.kind() == ErrorKind::NotFound {
        ApiError::not_found(WHAT)
    } else {
        error.into()
    }
}

pub(super) fn wire(invitation: store::Invitation) -> Invitation {
    let store::Invitation {
        id,
        user_name,
        role,
        account,
        account_name,
        created,
        expires,
    } = invitation;
    let (role, _, space) = place(role);
    Invitation {
        id: id.to_string(),
        user: user_name,
        role,
        account: account.to_string(),
        account_name,
        space,
        create_time: format_timestamp(created),
        expire_time: format_timestamp(expires),
    }
}
