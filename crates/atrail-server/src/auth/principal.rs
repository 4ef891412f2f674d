//! The authenticated caller, as an extractor: a handler that takes one cannot be reached without a valid token.

use std::sync::Arc;

use atrail_model::{AccountId, UserId};
use atrail_store::{LoginId, Standing, User};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::bearer;
use crate::app::App;
use crate::error::ApiError;
use crate::metrics::AuthFailure;
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

    /// Refuses who does not own the account. `known` says whether the caller may know of the `what` that is asked for; if
    /// not, the answer is that of a thing that does not exist.
    pub(crate) fn must_own(
        &self,
        account: AccountId,
        known: bool,
        what: &str,
    ) -> Result<(), ApiError> {
        if self.owns(account) {
            Ok(())
        } else if known {
            Err(ApiError::forbidden(
                "only an owner of the account may do this",
            ))
        } else {
            Err(ApiError::not_found(what))
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
        let ended = || {
            app.metrics.auth_failed(AuthFailure::AccessToken);
            ApiError::unauthenticated("the access token is not valid or has expired: log in again")
        };
        let login = app.tokens.verify(token, now).ok_or_else(ended)?;
        let standing = app.standings.of(login, now).await?.ok_or_else(ended)?;
        if let Some(caller) = parts.extensions.get::<Caller>() {
            caller.is(standing.user.id);
        }
        Ok(Self { login, standing })
    }
}

/// A caller who is the server's operator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator;

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, app).await?;
        if principal.is_operator() {
            return Ok(Self);
        }
        Err(ApiError::forbidden(
            "only the server's operator may do this",
        ))
    }
}
