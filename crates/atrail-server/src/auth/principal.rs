//! The authenticated caller, as an extractor: a handler that takes one cannot be reached without a valid token.

use std::net::IpAddr;
use std::sync::Arc;

use atrail_model::{
    AccountId, AccountRole, Domain, KeyScope, LoginId, Requester, SpaceId, Standing, User, UserId,
    Warrant,
};
use atrail_store::{Identity, Tenancy};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::bearer;
use super::permissions::{Action, allows_in_account, knows_space};
use crate::app::App;
use crate::audit::{Act, Action as AuditAction, Actor, Origin};
use crate::error::ApiError;
use crate::metrics::AuthFailure;
use crate::observe::Caller;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    login: LoginId,
    standing: Arc<Standing>,
    origin: Origin,
}

impl Principal {
    pub(crate) fn user(&self) -> &User {
        &self.standing.user
    }

    pub(crate) fn id(&self) -> UserId {
        self.standing.user.id
    }

    /// Who acts, as events have it.
    pub(crate) fn actor(&self) -> Actor {
        Actor::new(self.user(), self.origin.clone())
    }

    /// Where the request came from.
    pub(crate) const fn address(&self) -> IpAddr {
        self.origin.address()
    }

    pub(crate) const fn login(&self) -> LoginId {
        self.login
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What the request was judged by, for the transaction that makes a change.
    pub(crate) fn warrant(&self, app: &App) -> Warrant {
        Warrant::new(self.login, Arc::clone(&self.standing), app.clock.now())
    }

    /// Users, roles and keys, for changes at the caller's request.
    pub(crate) fn identity(&self, app: &App) -> Identity {
        app.identity.at_request_of(self.warrant(app))
    }

    /// Accounts, organizations and spaces, for changes at the caller's request.
    pub(crate) fn tenancy(&self, app: &App) -> Tenancy {
        let tenancy = app.tenancy.on_behalf_of(&self.user().name);
        tenancy.at_request_of(Some(self.warrant(app)))
    }

    /// The caller, as the store puts on record who asked for a change.
    pub(crate) fn requester<'a>(
        &'a self,
        request: &'a str,
        reason: &'a str,
        warrant: &'a Warrant,
    ) -> Requester<'a> {
        Requester {
            name: &self.user().name,
            request,
            reason,
            warrant: Some(warrant),
        }
    }

    /// Notes that the caller uses an account. What the caller does with the own login is on record there from then on, and
    /// with it the login that is under way, unless it is on record there already.
    pub(crate) async fn uses(&self, app: &App, account: AccountId) {
        if self.standing.used.contains(&account) {
            return;
        }
        match app.identity.note_account_use(self.id(), account).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                // What the caller does in the account is on record all the same.
                tracing::error!(user = %self.id(), %account, %error, "that a user uses an account could not be noted");
                return;
            }
        }
        // Of a user who had used no account the login is on record in each.
        if self
            .standing
            .used
            .iter()
            .any(|used| self.has_role_in(*used))
        {
            let act = Act::new(AuditAction::Login, self.actor(), Domain::Account(account));
            app.audit.record(act).await;
        }
    }

    /// Notes that the caller manages an account: an owner uses it by that, the operator does not.
    pub(crate) async fn manages(&self, app: &App, account: AccountId) {
        if self.has_role_in(account) {
            self.uses(app, account).await;
        }
    }

    /// Whether the caller holds any role in the account.
    pub(crate) fn has_role_in(&self, account: AccountId) -> bool {
        let mut of_account = AccountRole::ALL.iter();
        of_account.any(|role| self.standing.holds_in_account(account, *role))
            || self.standing.spaces.values().any(|of| *of == account)
    }

    pub(crate) fn is_operator(&self) -> bool {
        self.standing.user.operator
    }

    pub(crate) fn owns(&self, account: AccountId) -> bool {
        self.standing.holds_in_account(account, AccountRole::Owner)
    }

    /// Whether the caller may know that the account exists: by any role in it, or as operator.
    pub(crate) fn knows_account(&self, account: AccountId) -> bool {
        self.is_operator() || self.has_role_in(account)
    }

    /// Whether the caller may know of the space of this account: by a role there, or as operator.
    pub(crate) fn knows_space(&self, space: SpaceId, account: AccountId) -> bool {
        self.is_operator() || knows_space(&self.standing, space, account)
    }

    /// Whether the caller may know of all that is in the account.
    pub(crate) fn knows_all_of(&self, account: AccountId) -> bool {
        self.is_operator() || allows_in_account(&self.standing, Action::Read, account)
    }

    /// Refuses a login by an API key that was made for other things.
    pub(crate) fn must_be_good_for(&self, scope: KeyScope) -> Result<(), ApiError> {
        if self.standing.scopes.contains(scope) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!(
            "the API key of this login is good for: {}. This needs another key, or a login by password",
            self.standing.scopes
        )))
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
        let now = app.clock.moment();
        let ended = || ended(app);
        let login = app.tokens.verify(token, now).ok_or_else(ended)?;
        let standing = app.standings.of(login, now).await?.ok_or_else(ended)?;
        parts.extensions.insert(Admitted {
            login,
            standing: Arc::clone(&standing),
        });
        if let Some(caller) = parts.extensions.get::<Caller>() {
            caller.is(standing.user.id);
        }
        let origin = Origin::from_request_parts(parts, app).await?;
        Ok(Self {
            login,
            standing,
            origin,
        })
    }
}

fn ended(app: &App) -> ApiError {
    app.metrics.auth_failed(AuthFailure::AccessToken);
    ApiError::unauthenticated("the access token is not valid or has expired: log in again")
}

/// By which login a request was let in, and what the login was worth then. A body takes its time, and what was allowed when
/// it began need not be when it ends.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    login: LoginId,
    standing: Arc<Standing>,
}

impl Admitted {
    /// Refuses the request when the login has ended meanwhile, or is not worth the same: to be called once the body is there.
    pub(crate) async fn must_still_stand(&self, app: &App) -> Result<(), ApiError> {
        match app.standings.of(self.login, app.clock.moment()).await? {
            None => Err(ended(app)),
            Some(standing) if standing.is_worth_as_much_as(&self.standing) => Ok(()),
            Some(_) => Err(ApiError::unavailable(
                "your roles changed while the request came in: nothing was done, send it again",
            )
            .retry_after(1)),
        }
    }
}

/// A caller whose login is good for managing things; what the caller may manage, roles say.
#[derive(Debug, Clone)]
pub(crate) struct Manager(pub(crate) Principal);

impl FromRequestParts<Arc<App>> for Manager {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, app).await?;
        principal.must_be_good_for(KeyScope::Manage)?;
        Ok(Self(principal))
    }
}

/// A caller who is the server's operator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator;

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Manager(principal) = Manager::from_request_parts(parts, app).await?;
        if principal.is_operator() {
            return Ok(Self);
        }
        Err(ApiError::forbidden(
            "only the server's operator may do this",
        ))
    }
}
