//! The one place where events become reachable: a handler gets a target, or a session, only from the extractors here,
//! and they give it only to a principal whose roles allow the purpose.
//!
//! A foreign thing and one that does not exist get the same answer.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::Arc;

use atrail_api::headers::{PROJECT_ID, SESSION_ID};
use atrail_model::{AccountId, SessionId, SpaceId, Target};
use atrail_store::{ErrorKind, LoginId, Session, Standing};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::Deserialize;

use super::permissions::{Action, allows_in_account, allows_in_space, knows_space};
use super::principal::Principal;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::Query;

/// What a target is wanted for.
pub(crate) trait Purpose: Send + Sync + 'static {
    /// What roles must allow.
    const ACTION: Action;
    /// In words for the caller.
    const WHAT: &'static str;
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident: $action:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name;
        impl Purpose for $name {
            const ACTION: Action = Action::$action;
            const WHAT: &'static str = $what;
        }
    )*};
}
purposes! {
    /// To count, list or download.
    ReadEvents: Read, "read events";
    /// To take in.
    SendEvents: Send, "send events";
    /// To delete.
    DeleteEvents: Delete, "delete events";
    /// To see or set how long they are kept.
    UseOptions: UseOptions, "use options";
    /// To set or release.
    KeepHolds: KeepHolds, "keep legal holds";
}

/// The part of a request that says whether the whole account is meant.
pub(crate) trait Aimed {
    /// `AtAccountLevel`.
    fn at_account_level(&self) -> bool;
}

/// A request `W` of a caller who may do `P` to its target.
#[derive(Debug)]
pub(crate) struct Authorised<P, W> {
    /// Who asks.
    pub(crate) principal: Principal,
    /// Whose events.
    pub(crate) target: Target,
    /// The space that the request names, if any.
    pub(crate) space: Option<SpaceId>,
    /// What else the request says.
    pub(crate) wire: W,
    purpose: PhantomData<P>,
}

impl<P, W> FromRequest<Arc<App>> for Authorised<P, W>
where
    P: Purpose,
    W: FromRequest<Arc<App>, Rejection = ApiError> + Aimed,
{
    type Rejection = ApiError;

    /// Authenticates before the body is read.
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let principal = Principal::from_request_parts(&mut parts, app).await?;
        principal.must_be_good_for(P::ACTION.scope())?;
        let targeted = targeted_space(app, &principal, &parts.headers).await?;
        let wire = W::from_request(Request::from_parts(parts, body), app).await?;
        let target = aim::<P>(&principal, targeted, wire.at_account_level())?;
        Ok(Self {
            principal,
            target,
            space: targeted.map(|(space, _)| space),
            wire,
            purpose: PhantomData,
        })
    }
}

fn aim<P: Purpose>(
    principal: &Principal,
    targeted: Option<(SpaceId, AccountId)>,
    at_account_level: bool,
) -> Result<Target, ApiError> {
    let standing = principal.standing();
    if !at_account_level {
        let (space, account) = targeted.ok_or_else(no_space_targeted)?;
        return if allows_in_space(standing, P::ACTION, space, account) {
            Ok(Target::Space(space))
        } else {
            Err(ApiError::forbidden(format!(
                "you may not {} of this space: ask an owner of its account for a role",
                P::WHAT
            )))
        };
    }
    let account = match targeted {
        Some((_, account)) => account,
        None => only_account(principal, P::ACTION)?,
    };
    if allows_in_account(standing, P::ACTION, account) {
        return Ok(Target::Account(account));
    }
    Err(ApiError::forbidden(format!(
        "you may not {} at account level: ask an owner of the account for a role",
        P::WHAT
    )))
}

/// The space that the request names, with its account; an error unless the caller holds a role there.
async fn targeted_space(
    app: &App,
    principal: &Principal,
    headers: &HeaderMap,
) -> Result<Option<(SpaceId, AccountId)>, ApiError> {
    let Some(text) = headers.get(PROJECT_ID) else {
        return Ok(None);
    };
    let unknown = || ApiError::not_found("space");
    let space: SpaceId = text
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(unknown)?;
    let account = app.standings.account_of(space).await?.ok_or_else(unknown)?;
    if knows_space(principal.standing(), space, account) {
        return Ok(Some((space, account)));
    }
    Err(unknown())
}

fn no_space_targeted() -> ApiError {
    ApiError::bad_request("no space is targeted: send its GUID as X-Auth-Project-Id")
}

/// The account that is meant when no space is named: the only one where the caller may do this.
fn only_account(principal: &Principal, action: Action) -> Result<AccountId, ApiError> {
    let standing = principal.standing();
    let roles = action.account_roles().iter();
    let allowed: HashSet<_> = roles
        .flat_map(|role| standing.accounts_with(*role))
        .collect();
    let mut allowed = allowed.into_iter();
    match (allowed.next(), allowed.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(ApiError::forbidden(
            "you may do this in no account: ask an owner of one for a role",
        )),
        _ => Err(ApiError::bad_request(
            "you may do this in several accounts: send the GUID of a space of one as X-Auth-Project-Id",
        )),
    }
}

/// The space that the sessions of a list were made in; `None` for all spaces. The caller may read there.
#[derive(Debug)]
pub(crate) struct SessionsScope {
    /// Who asks.
    pub(crate) principal: Principal,
    /// The targeted space.
    pub(crate) space: Option<SpaceId>,
}

impl FromRequestParts<Arc<App>> for SessionsScope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, app).await?;
        principal.must_be_good_for(ReadEvents::ACTION.scope())?;
        let targeted = targeted_space(app, &principal, &parts.headers).await?;
        if targeted.is_some() {
            aim::<ReadEvents>(&principal, targeted, false)?;
        }
        Ok(Self {
            principal,
            space: targeted.map(|(space, _)| space),
        })
    }
}

/// Whether the caller may still read what a session covers: roles may have gone since it was made, and the space.
pub(crate) async fn may_still_read(
    app: &App,
    standing: &Standing,
    target: Target,
) -> Result<bool, ApiError> {
    Ok(match target {
        Target::Account(account) => allows_in_account(standing, Action::Read, account),
        Target::Space(space) => match app.standings.account_of(space).await? {
            Some(account) => allows_in_space(standing, Action::Read, space, account),
            None => false,
        },
    })
}

/// Whether a login may go on reading a target: it lives, and its user's roles still allow it.
pub(crate) async fn may_go_on_reading(
    app: &App,
    login: LoginId,
    target: Target,
) -> Result<bool, ApiError> {
    match app.standings.of(login, app.clock.moment()).await? {
        Some(standing) => may_still_read(app, &standing, target).await,
        None => Ok(false),
    }
}

/// A session of the caller, named by the path, whose events the caller may read.
#[derive(Debug)]
pub(crate) struct OwnSession {
    /// Who asks.
    pub(crate) principal: Principal,
    /// The session.
    pub(crate) session: Session,
}

impl FromRequestParts<Arc<App>> for OwnSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, app).await?;
        // What is no text names nothing, like any other id that nobody has.
        let id = Path::<String>::from_request_parts(parts, app).await;
        let Path(id) = id.map_err(|_| ApiError::not_found("session"))?;
        own_session(app, principal, &id).await
    }
}

/// The same, named by the header `SESSIONID` or the query's `session`.
#[derive(Debug)]
pub(crate) struct DownloadedSession(pub(crate) OwnSession);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DownloadQuery {
    session: Option<String>,
}

impl FromRequestParts<Arc<App>> for DownloadedSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, app).await?;
        let Query(query) = Query::<DownloadQuery>::from_request_parts(parts, app).await?;
        let in_header = parts
            .headers
            .get(SESSION_ID)
            .map(|value| value.to_str().unwrap_or_default().trim().to_owned());
        let id = in_header.or(query.session).ok_or_else(|| {
            ApiError::bad_request("no session is named: send its id as the header SESSIONID")
        })?;
        own_session(app, principal, &id).await.map(Self)
    }
}

async fn own_session(app: &App, principal: Principal, id: &str) -> Result<OwnSession, ApiError> {
    principal.must_be_good_for(ReadEvents::ACTION.scope())?;
    let unknown = || ApiError::not_found("session");
    let id: SessionId = id.parse().map_err(|_| unknown())?;
    let session = match app.store.session(principal.id(), id).await {
        Ok(session) => session,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(unknown()),
        Err(error) => return Err(error.into()),
    };
    if !may_still_read(app, principal.standing(), session.scope.target).await? {
        return Err(unknown());
    }
    Ok(OwnSession { principal, session })
}
