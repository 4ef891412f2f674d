//! The authenticated caller, as an extractor: a handler that takes one cannot be reached without a valid token.

use std::sync::Arc;

use atrail_model::{AccountId, UserId};
use atrail_store::{LoginId, Standing, User};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::bearer;
use crate::app::App;
use crate::error::ApiError;
use crate::observe::Caller;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    login: LoginId,
    standing: Arc<Standing>,
}

impl Principal {
    pub(crate) fn user(&self) -> &User {
        &self.standing.user
    }

    pub(crate) fn id(&self) -> UserId {
        self.standing.user.id
    }

    pub(crate) const fn login(&self) -> LoginId {
        self.login
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(crate) fn is_operator(&self) -> bool {
        self.standing.user.operator
    }

    pub(crate) fn owns(&self, account: AccountId) -> bool {
        self.standing.owned.contains(&account)
    }

    /// Whether the caller may know that the account exists: by any role in it, or as operator.
    pub(crate) fn knows(&self, account: AccountId) -> bool {
        self.is_operator()
            || self.owns(account)
            || self.standing.developed.values().any(|of| *of == account)
    }

    /// The account of this GUID, if the caller owns it.
    pub(crate) fn owned_account(&self, guid: &str) -> Result<AccountId, ApiError> {
        let id = guid.parse().map_err(|_| ApiError::not_found("account"))?;
        self.must_own(id, "account").map(|()| id)
    }

    /// Refuses who does not own the account; who may not even know of it learns nothing of the `what` in it.
    pub(crate) fn must_own(&self, account: AccountId, what: &str) -> Result<(), ApiError> {
        if self.owns(account) {
            Ok(())
        } else if self.knows(account) {
            Err(ApiError::forbidden(
                "only an owner of the account may do this",
            ))
        } else {
            Err(ApiError::not_found(what))
        }
    }

    /// The same, but the operator may as well: for roles, never for events.
    pub(crate) fn must_manage(&self, account: AccountId, what: &str) -> Result<(), ApiError> {
        if self.is_operator() {
            Ok(())
        } else {
            self.must_own(account, what)
        }
    }
}

impl FromRequestParts<Arc<App>> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let token = bearer::token(&parts.headers).ok_or_else(|| {
            ApiError::unauthenticated(
                "the request has no access token: log in, then send X-Auth-Token or Authorization: Bearer",
            )
        })?;
        let now = app.clock.now();
        let ended = || ApiError::unauthenticated("the access token is not valid or has expired: log in again");
        let login = app.tokens.verify(token, now).ok_or_else(ended)?;
        let standing = app.standings.of(login, now).await?.ok_or_else(ended)?;
        if let Some(caller) = parts.extensions.get::<Caller>() {
            caller.is(standing.user.id);
        }
        Ok(Self { login, standing })
    }
}

/// A caller who is the server's operator.
#[derive(Debug, Clone)]
pub(crate) struct Operator(pub(crate) Principal);

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, app).await?;
        if principal.is_operator() {
            return Ok(Self(principal));
        }
        Err(ApiError::forbidden(
            "only the server's operator may do this",
        ))
    }
}
