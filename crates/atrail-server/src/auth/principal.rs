//! The authenticated caller, as an extractor: no request reaches a handler with this parameter without a valid token or
//! API key.

use std::net::IpAddr;
use std::sync::Arc;

use atrail_api::Problem;
use atrail_api::headers::AUTH_TOKEN;
use atrail_model::{
    AccountId, AccountRole, Domain, IngestTerms, KeyScope, LoginId, Requester, SpaceId, Standing,
    User, UserId, Warrant,
};
use atrail_store::{BrowserLogin, Identity, Tenancy};
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::bearer::{self, Bearer};
use super::browser::{self, ByCookie};
use super::permissions::{Action, allows_in_account, knows_space};
use super::sent_keys;
use crate::app::App;
use crate::audit::{Act, Action as AuditAction, Actor, Origin};
use crate::error::ApiError;
use crate::metrics::AuthFailure;
use crate::observe::Caller;

/// The caller.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    login: LoginId,
    standing: Arc<Standing>,
    origin: Origin,
    /// Whether an API key itself came with the request in place of a token.
    sent_key: bool,
    /// The login of the browser that sent its cookie.
    browser: Option<BrowserLogin>,
}

impl Principal {
    /// Returns the caller of a request, who may have an ingest key: an extractor that lets the caller do more than send
    /// must refuse that.
    pub(super) async fn of(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let origin = Origin::from_request_parts(parts, app).await?;
        let now = app.clock.moment();
        let has_other = bearer::credential(&parts.headers, &parts.uri).is_some()
            || [AUTH_TOKEN, AUTHORIZATION.as_str()]
                .iter()
                .any(|name| parts.headers.contains_key(*name));
        if !has_other && let Some(found) = browser::login_of(app, parts, now).await? {
            let standing = app.standings.of(found.login, now).await?;
            let standing = standing.ok_or_else(|| browser::ended(app))?;
            if parts.extensions.get::<ByCookie>() != Some(&ByCookie::Look) {
                browser::used(app, found.login, now).await;
            }
            admit(parts, found.login, &standing);
            return Ok(Self::of_browser(found, standing, origin));
        }
        let sent = bearer::credential(&parts.headers, &parts.uri).ok_or_else(|| {
            ApiError::unauthenticated(
                "the request has no access token or API key, or several: log in, then send one X-Auth-Token or Authorization: Bearer",
            )
        })?;
        let (login, standing, sent_key) = match sent {
            Bearer::Token(token) => {
                let ended = || ended(app);
                let login = app.tokens.verify(token, now).ok_or_else(ended)?;
                let standing = app.standings.of(login, now).await?.ok_or_else(ended)?;
                (login, standing, false)
            }
            Bearer::ApiKey(text) => {
                let login = sent_keys::login_of(app, &text, origin.address()).await?;
                let standing = app.standings.of(login, now).await?;
                let standing = standing.ok_or_else(|| sent_keys::ended(app, &text))?;
                (login, standing, true)
            }
        };
        let caller = Self::admitted(parts, (login, standing), sent_key, origin);
        caller.note_use(app);
        Ok(caller)
    }

    /// Returns the caller with this login, and leaves with the request what it was admitted by.
    pub(super) fn admitted(
        parts: &mut Parts,
        (login, standing): (LoginId, Arc<Standing>),
        sent_key: bool,
        origin: Origin,
    ) -> Self {
        admit(parts, login, &standing);
        Self {
            login,
            standing,
            origin,
            sent_key,
            browser: None,
        }
    }

    /// Notes the use of the key that came with the request, if one did.
    pub(super) fn note_use(&self, app: &App) {
        let now = app.clock.now();
        if self.standing.ingest.is_some() {
            app.ingest_keys.used(self.login, now);
        } else if self.sent_key {
            app.api_keys.used(self.login, now);
        }
    }

    /// Returns the ingest key that came with the request, if one did.
    pub(crate) fn ingest_key(&self) -> Option<IngestCaller> {
        IngestCaller::of(self.login, &self.standing)
    }

    /// Returns the caller whose browser has just logged in.
    pub(crate) const fn of_browser(
        browser: BrowserLogin,
        standing: Arc<Standing>,
        origin: Origin,
    ) -> Self {
        Self {
            login: browser.login,
            standing,
            origin,
            sent_key: false,
            browser: Some(browser),
        }
    }

    /// Returns the login of the browser that sent its cookie.
    pub(crate) const fn browser(&self) -> Option<&BrowserLogin> {
        self.browser.as_ref()
    }

    pub(crate) fn user(&self) -> &User {
        &self.standing.user
    }

    pub(crate) fn id(&self) -> UserId {
        self.standing.user.id
    }

    /// Returns the caller as the actor of events, with the API key that came with the request or began the login.
    pub(crate) fn actor(&self) -> Actor {
        let actor = Actor::new(self.user(), self.origin.clone());
        match &self.standing.api_key {
            Some(key) if self.sent_key => actor.by_key(Arc::clone(key)),
            Some(key) => actor.of_login_by(Arc::clone(key)),
            None => actor,
        }
    }

    /// Returns the address that the request came from.
    pub(crate) const fn address(&self) -> IpAddr {
        self.origin.address()
    }

    /// Returns where the request came from.
    pub(crate) const fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) const fn login(&self) -> LoginId {
        self.login
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Returns the caller's rights at the beginning of the request. The transaction that makes a change verifies that
    /// they still hold.
    pub(crate) fn warrant(&self, app: &App) -> Warrant {
        Warrant::new(self.login, Arc::clone(&self.standing), app.clock.now())
    }

    /// Returns the operations on users, roles and keys, on the caller's behalf.
    pub(crate) fn identity(&self, app: &App) -> Identity {
        app.identity.at_request_of(self.warrant(app))
    }

    /// Returns the operations on accounts, organizations and spaces, on the caller's behalf.
    pub(crate) fn tenancy(&self, app: &App) -> Tenancy {
        let tenancy = app.tenancy.on_behalf_of(&self.user().name);
        tenancy.at_request_of(Some(self.warrant(app)))
    }

    /// Returns the caller as the store records the requester of a change.
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

    /// Notes that the caller uses an account. From then on, the server records the caller's logins, and changes of the
    /// caller's credentials, in that account too. It also records the current login there, unless it already has; a
    /// request with an API key itself belongs to no login. A key that somebody else made for the caller makes no account
    /// a used one.
    pub(crate) async fn uses(&self, app: &App, account: AccountId) {
        if self.standing.noted.contains(&account) {
            return;
        }
        let identity = &app.identity;
        match identity
            .note_account_use(self.login, self.id(), account)
            .await
        {
            Ok(false) => {}
            Ok(true) => {
                let act = Act::new(AuditAction::Login, self.actor(), Domain::Account(account));
                app.audit.record(act).await;
            }
            Err(error) => {
                // The server still records what the caller does in the account.
                tracing::error!(user = %self.id(), %account, %error, "cannot note that a user uses an account");
            }
        }
    }

    /// Notes that the caller manages an account. An owner thereby uses the account; the operator does not.
    pub(crate) async fn manages(&self, app: &App, account: AccountId) {
        if self.has_role_in(account) {
            self.uses(app, account).await;
        }
    }

    /// Returns whether the caller holds any role in the account.
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

    /// Returns whether the caller may know that the account exists: by any role in it, or as operator.
    pub(crate) fn knows_account(&self, account: AccountId) -> bool {
        self.is_operator() || self.has_role_in(account)
    }

    /// Returns whether the caller may know of the space of this account: by a role there, or as operator.
    pub(crate) fn knows_space(&self, space: SpaceId, account: AccountId) -> bool {
        self.is_operator() || knows_space(&self.standing, space, account)
    }

    /// Returns whether the caller may know of everything in the account.
    pub(crate) fn knows_all_of(&self, account: AccountId) -> bool {
        self.is_operator() || allows_in_account(&self.standing, Action::Read, account)
    }

    /// Refuses an API key without this scope, and a login by one.
    pub(crate) fn must_be_good_for(&self, scope: KeyScope) -> Result<(), ApiError> {
        if self.standing.scopes.contains(scope) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!(
            "{}{}. Use another key, or log in with a password",
            Problem::KEY_ALLOWS,
            self.standing.scopes
        )))
    }

    /// Refuses a caller who does not own the account. `known` states whether the caller may know of the requested
    /// `what`; otherwise the answer is that of a thing that does not exist.
    pub(crate) fn must_own(
        &self,
        account: AccountId,
        known: bool,
        what: &str,
    ) -> Result<(), ApiError> {
        if self.owns(account) {
            Ok(())
        } else if known {
            Err(ApiError::forbidden(Problem::OWNERS_ONLY))
        } else {
            Err(ApiError::not_found(what))
        }
    }
}

impl FromRequestParts<Arc<App>> for Principal {
    type Rejection = ApiError;

    /// Refuses an ingest key: it stands for no user, and only sends.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = Self::of(parts, app).await?;
        if principal.standing.ingest.is_none() {
            return Ok(principal);
        }
        Err(ApiError::forbidden(
            "an ingest key only sends events: log in, or use an API key",
        ))
    }
}

/// A caller of any kind, also one with an ingest key: for answers that senders ask for before they send, and that reveal
/// nothing.
#[derive(Debug, Clone)]
pub(crate) struct AnyCaller(pub(crate) Principal);

impl FromRequestParts<Arc<App>> for AnyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        Principal::of(parts, app).await.map(Self)
    }
}

/// Notes who was admitted: for the check that follows the body, and for the log.
fn admit(parts: &mut Parts, login: LoginId, standing: &Arc<Standing>) {
    parts.extensions.insert(Admitted {
        login,
        standing: Arc::clone(standing),
    });
    if let Some(caller) = parts.extensions.get::<Caller>() {
        caller.is(standing.user.id);
    }
}

fn ended(app: &App) -> ApiError {
    app.metrics.auth_failed(AuthFailure::AccessToken);
    ApiError::unauthenticated(
        "the access token is not valid or has expired: log in again. An API key or an ingest key begins with atk_, and is sent whole",
    )
}

/// The ingest key of a request.
#[derive(Debug, Clone)]
pub(crate) struct IngestCaller {
    /// The id of the requests with the key.
    pub(crate) login: LoginId,
    /// Where its events go, and how they are read.
    pub(crate) terms: IngestTerms,
}

impl IngestCaller {
    fn of(login: LoginId, standing: &Standing) -> Option<Self> {
        let terms = standing.ingest.clone()?;
        Some(Self { login, terms })
    }
}

/// The login that admitted a request, and the rights that the login had then. A body takes time to arrive, and the
/// rights may change in the meantime.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    login: LoginId,
    standing: Arc<Standing>,
}

impl Admitted {
    /// Returns what a sender without requests was admitted by.
    pub(crate) const fn by(login: LoginId, standing: Arc<Standing>) -> Self {
        Self { login, standing }
    }

    /// Returns the ingest key that came with the request, if one did.
    pub(crate) fn ingest_key(&self) -> Option<IngestCaller> {
        IngestCaller::of(self.login, &self.standing)
    }

    /// Refuses the request when the login has ended or its rights have changed. Call it once the body has arrived.
    pub(crate) async fn must_still_stand(&self, app: &App) -> Result<(), ApiError> {
        match app.standings.of(self.login, app.clock.moment()).await? {
            None => Err(ApiError::unauthenticated(
                "your login, or your API key, ended while the server received the request, and it did nothing",
            )),
            Some(standing) if standing.is_worth_as_much_as(&self.standing) => Ok(()),
            Some(_) => Err(ApiError::unavailable(
                "your roles changed while the server received the request, and it did nothing: send the request again",
            )
            .retry_after(1)),
        }
    }
}

/// A caller whose login may manage things. The caller's roles decide which.
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
        Err(ApiError::forbidden(Problem::OPERATOR_ONLY))
    }
}
