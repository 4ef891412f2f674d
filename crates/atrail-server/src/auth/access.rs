//! The only place where events become reachable, beside [`super::indices`]. A handler gets a target, or a session, only
//! from the extractors here, and they return it only to a principal whose roles allow the purpose.
//!
//! A foreign thing and one that does not exist get the same answer.

mod exports;

use std::marker::PhantomData;
use std::sync::Arc;

use atrail_api::headers::{ACCOUNT_ID, PROJECT_ID, SESSION_ID};
use atrail_model::{AccountId, HeldRole, LoginId, SessionId, SpaceId, Standing, Target};
use atrail_store::{ErrorKind, Session};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::Deserialize;

use super::only_account::only_account;
use super::permissions::{Action, allows_in_account, allows_in_space, knows_space};
use super::principal::Principal;
use super::refusal::not_by_role;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::Query;
pub(crate) use exports::OwnExport;

/// The purpose for which a handler needs a target.
pub(crate) trait Purpose: Send + Sync + 'static {
    /// The action that the caller's roles must allow.
    const ACTION: Action;
    /// The purpose in words for the caller.
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
    /// Counting, listing or downloading.
    ReadEvents: Read, "read events";
    /// Sending events.
    SendEvents: Send, "send events";
    /// Deleting events.
    DeleteEvents: Delete, "delete events";
    /// Reading retention.
    ReadOptions: ReadOptions, "see how long events are kept";
    /// Setting retention.
    SetOptions: SetOptions, "set how long events are kept";
    /// Setting or releasing holds.
    KeepHolds: KeepHolds, "manage legal holds";
}

/// A request that can address the whole account.
pub(crate) trait Aimed {
    /// Returns `AtAccountLevel`.
    fn at_account_level(&self) -> bool;
}

/// A request `W` of a caller who may do `P` to its target.
#[derive(Debug)]
pub(crate) struct Authorised<P, W> {
    /// The caller.
    pub(crate) principal: Principal,
    /// The target whose events the request addresses.
    pub(crate) target: Target,
    /// The space that the request addresses; at account level the one that it names, if any.
    pub(crate) space: Option<SpaceId>,
    /// The rest of the request.
    pub(crate) wire: W,
    purpose: PhantomData<P>,
}

impl<P, W> FromRequest<Arc<App>> for Authorised<P, W>
where
    P: Purpose,
    W: FromRequest<Arc<App>, Rejection = ApiError> + Aimed + Send,
{
    type Rejection = ApiError;

    /// Authenticates the caller before it reads the body.
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        // The scopes of an ingest key, and its role, allow nothing but sending.
        let principal = Principal::of(&mut parts, app).await?;
        let other = P::ACTION.other_scope();
        if !other.is_some_and(|scope| principal.standing().scopes.contains(scope)) {
            principal.must_be_good_for(P::ACTION.scope())?;
        }
        let named = Named::of(app, &principal, &parts.headers).await?;
        let wire = W::from_request(Request::from_parts(parts, body), app).await?;
        let key_of_account = principal.standing().ingest.as_ref();
        let key_of_account = key_of_account.is_some_and(|terms| terms.space.is_none());
        let (target, account) = if wire.at_account_level() || key_of_account {
            let account = account::<P>(app, &principal, named).await?;
            (Target::Account(account), account)
        } else {
            let (space, account) = space::<P>(app, &principal, named).await?;
            (Target::Space(space), account)
        };
        principal.uses(app, account).await;
        let space = match target {
            Target::Space(space) => Some(space),
            Target::Account(_) => named.space.map(|(space, _)| space),
        };
        Ok(Self {
            principal,
            target,
            space,
            wire,
            purpose: PhantomData,
        })
    }
}

/// The space and the account that a request's headers name. The caller holds a role in each.
#[derive(Debug, Clone, Copy)]
struct Named {
    space: Option<(SpaceId, AccountId)>,
    account: Option<AccountId>,
}

impl Named {
    async fn of(app: &App, principal: &Principal, headers: &HeaderMap) -> Result<Self, ApiError> {
        let unknown = || ApiError::not_found("account");
        let account = only_value(headers, ACCOUNT_ID)?
            .map(|text| text.parse().map_err(|_| unknown()))
            .transpose()?;
        if account.is_some_and(|account| !principal.has_role_in(account)) {
            return Err(unknown());
        }
        let space = named_space(app, principal, headers).await?;
        if let (Some((_, of)), Some(account)) = (space, account)
            && of != account
        {
            return Err(ApiError::bad_request(
                "X-Auth-Project-Id names a space of another account than X-Auth-Account-Id: send only one of them",
            ));
        }
        Ok(Self { space, account })
    }
}

/// Returns the space that a request addresses: the one that it names, or the API key's.
async fn space<P: Purpose>(
    app: &App,
    principal: &Principal,
    named: Named,
) -> Result<(SpaceId, AccountId), ApiError> {
    let standing = principal.standing();
    let (space, account) = match (named.space, standing.home.space) {
        (Some(named), _) => named,
        (None, Some(home)) => {
            let found = known_space(app, principal, home).await?;
            let found = found.filter(|(_, of)| named.account.is_none_or(|account| account == *of));
            found.ok_or_else(no_space_targeted)?
        }
        (None, None) => return Err(no_space_targeted()),
    };
    if allows_in_space(standing, P::ACTION, space, account) {
        return Ok((space, account));
    }
    let of_account = P::ACTION.account_roles_in_spaces();
    let of_account = of_account.iter().map(|role| role.word());
    let of_space = P::ACTION.space_roles().iter().map(|role| role.word());
    let can: Vec<_> = of_account.chain(of_space).collect();
    let held = |role: &HeldRole| match role {
        HeldRole::Account(of, _) => *of == account,
        HeldRole::Space(of, _) => *of == space,
    };
    Err(not_by_role(standing, held, P::WHAT, &can))
}

/// Returns the account that a request addresses: the one that it names, that of the space that it names, the API key's,
/// or the only one where the caller may do this.
async fn account<P: Purpose>(
    app: &App,
    principal: &Principal,
    named: Named,
) -> Result<AccountId, ApiError> {
    let standing = principal.standing();
    let of_space = named.space.map(|(_, account)| account);
    let account = match named.account.or(of_space).or(standing.home.account) {
        Some(account) => account,
        None => only_account(app, principal, P::ACTION).await?,
    };
    if allows_in_account(standing, P::ACTION, account) {
        return Ok(account);
    }
    let roles = P::ACTION.account_roles().iter();
    let can: Vec<_> = roles.map(|role| role.word()).collect();
    let held = |role: &HeldRole| matches!(role, HeldRole::Account(of, _) if *of == account);
    let what = format!("{} at account level", P::WHAT);
    Err(not_by_role(standing, held, &what, &can))
}

/// Returns the space that the request names, with its account. Fails unless the caller holds a role there.
async fn named_space(
    app: &App,
    principal: &Principal,
    headers: &HeaderMap,
) -> Result<Option<(SpaceId, AccountId)>, ApiError> {
    let Some(text) = only_value(headers, PROJECT_ID)? else {
        return Ok(None);
    };
    let unknown = || ApiError::not_found("space");
    let space: SpaceId = text.parse().map_err(|_| unknown())?;
    let found = known_space(app, principal, space).await?;
    found.ok_or_else(unknown).map(Some)
}

/// Returns the space with its account, if the caller holds a role there.
async fn known_space(
    app: &App,
    principal: &Principal,
    space: SpaceId,
) -> Result<Option<(SpaceId, AccountId)>, ApiError> {
    let knows = |account| knows_space(principal.standing(), space, account);
    let account = app.standings.account_of(space, knows).await?;
    Ok(account.map(|account| (space, account)))
}

/// Returns the value of a header field that may occur once. A value that is not text names nothing.
fn only_value<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(ApiError::bad_request(format!(
            "the header {name} occurs more than once: send it once"
        )));
    }
    Ok(first.map(|value| value.to_str().unwrap_or_default().trim()))
}

fn no_space_targeted() -> ApiError {
    ApiError::bad_request("the request targets no space: send its GUID as X-Auth-Project-Id")
}

/// The space whose sessions a list shows; `None` for all spaces. The caller may read there.
#[derive(Debug)]
pub(crate) struct SessionsScope {
    /// The caller.
    pub(crate) principal: Principal,
    /// The targeted space.
    pub(crate) space: Option<SpaceId>,
}

impl FromRequestParts<Arc<App>> for SessionsScope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, app).await?;
        principal.must_be_good_for(ReadEvents::ACTION.scope())?;
        let named = Named::of(app, &principal, &parts.headers).await?;
        if named.space.is_some() {
            let (_, account) = space::<ReadEvents>(app, &principal, named).await?;
            principal.uses(app, account).await;
        }
        Ok(Self {
            principal,
            space: named.space.map(|(space, _)| space),
        })
    }
}

/// Returns whether the caller may still read the target of a session: since its creation, the caller may have lost
/// roles, and the space may have been deleted.
pub(crate) async fn may_still_read(
    app: &App,
    standing: &Standing,
    target: Target,
) -> Result<bool, ApiError> {
    Ok(readable_account(app, standing, target).await?.is_some())
}

/// Returns the account of a target that the caller may read.
async fn readable_account(
    app: &App,
    standing: &Standing,
    target: Target,
) -> Result<Option<AccountId>, ApiError> {
    Ok(match target {
        Target::Account(account) => {
            Some(account).filter(|of| allows_in_account(standing, Action::Read, *of))
        }
        Target::Space(space) => {
            let reads = |of| allows_in_space(standing, Action::Read, space, of);
            app.standings.account_of(space, reads).await?
        }
    })
}

/// Returns whether a login may continue to read a target: the login is valid, and its user's roles still allow the
/// read.
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

/// A session of the caller, named in the path, whose events the caller may read.
#[derive(Debug)]
pub(crate) struct OwnSession {
    /// The caller.
    pub(crate) principal: Principal,
    /// The session.
    pub(crate) session: Session,
}

impl FromRequestParts<Arc<App>> for OwnSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, app).await?;
        // An id that is not text gets the same answer as an unknown one.
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
        let id = match (in_header, query.session) {
            // A proxy, or a reader of its log, that sees only one of the two would mistake the request's session.
            (Some(one), Some(other)) if !one.eq_ignore_ascii_case(&other) => {
                return Err(ApiError::bad_request(
                    "the header SESSIONID and the query's session name different sessions: send only one of them",
                ));
            }
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => {
                return Err(ApiError::bad_request(
                    "the request names no session: send its id as the header SESSIONID",
                ));
            }
        };
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
    let account = readable_account(app, principal.standing(), session.scope.target).await?;
    principal.uses(app, account.ok_or_else(unknown)?).await;
    Ok(OwnSession { principal, session })
}
