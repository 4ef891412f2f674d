//! API keys: the caller's own, and those that an owner makes for the account's other users. The operator may list and
//! delete anybody's.

use std::sync::Arc;
use std::time::Duration;

use atrail_api::{
    ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyDelete, ApiKeysQuery, Deleted, KeyScope, List,
};
use atrail_model::{
    self as model, AccountId, Home, KeyScopes, SpaceId, Timestamp, UserId, format_timestamp,
};
use atrail_store::{self as store, ErrorKind, KeyHolder, NewApiKey, canonical_name};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::key_reach::{account_called, owned, reach};
use crate::app::App;
use crate::audit::{Act, Action, Thing};
use crate::auth::only_account::only_owned;
use crate::auth::permissions::knows_space;
use crate::auth::principal::{Manager, Principal};
use crate::auth::secrets::ApiKeySecret;
use crate::error::ApiError;
use crate::extract::{BodyOrQuery, JsonBody, Query};

/// Longest lifetime of an expiring key, in seconds: ten years.
const LONGEST_LIFE_SECS: u64 = 10 * 366 * 86_400;

/// Lists keys, without their secrets: the caller's, another user's, or those that are bound to an account. The operator
/// sees all of them, an owner those that are bound to the owner's accounts.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    Query(ApiKeysQuery { user, account }): Query<ApiKeysQuery>,
) -> Result<Json<List<ApiKey>>, ApiError> {
    let owned = owned(&principal);
    let reach = reach(&principal, &owned);
    app.api_keys.store_uses_to_the_end().await;
    let keys = match (account, user) {
        (Some(account), user) => {
            let account = account_called(&principal, &account)?;
            let mut keys = app.identity.api_keys_bound_to(account).await?;
            if let Some(user) = user {
                keys.retain(|key| is_called(&user, key.holder, &key.holder_name));
            }
            keys
        }
        (None, Some(name)) if !is_called(&name, principal.id(), &principal.user().name) => {
            if !principal.is_operator() && owned.is_empty() {
                return Err(ApiError::forbidden(
                    "only the server's operator, and owners of an account, may list the keys of others",
                ));
            }
            match app.identity.user_called(&name).await {
                Ok(holder) => app.identity.api_keys(holder.id).await?,
                // An owner cannot find out who exists outside the account.
                Err(error) if error.kind() == ErrorKind::NotFound && !principal.is_operator() => {
                    Vec::new()
                }
                Err(error) => return Err(error.into()),
            }
        }
        _ => app.identity.api_keys(principal.id()).await?,
    };
    let visible = keys.into_iter().filter(|key| key.is_known_to(reach));
    Ok(Json(List {
        resources: visible.map(wire).collect(),
    }))
}

/// Creates a key, and returns its secret this once. A limited key cannot create keys, because they might be less
/// limited.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    JsonBody(new): JsonBody<ApiKeyCreate>,
) -> Result<impl IntoResponse, ApiError> {
    if principal.standing().by_limited_key {
        return Err(ApiError::forbidden(
            "a key that is limited to scopes or a place, or that expires, cannot create keys: log in with a password",
        ));
    }
    let ApiKeyCreate {
        name,
        user,
        scopes,
        expires_in,
        account,
        space,
    } = new;
    let other = user.filter(|name| !is_called(name, principal.id(), &principal.user().name));
    let (holder, bound) = match &other {
        None => (
            KeyHolder::Maker(principal.id()),
            place(&app, &principal, account, space).await?,
        ),
        Some(called) => {
            let home = owned_place(&app, &principal, account, space).await?;
            let holder = KeyHolder::Member {
                maker: principal.id(),
                called,
                account: home.0,
            };
            (holder, Some(home.1))
        }
    };
    let scopes = scopes_of(scopes, bound.is_none())?;
    let now = app.clock.now();
    let expires = expires_in
        .map(|seconds| match seconds {
            1..=LONGEST_LIFE_SECS => Ok(now
                .checked_add(Duration::from_secs(seconds))
                .unwrap_or(Timestamp::MAX)),
            _ => Err(ApiError::bad_request(format!(
                "expires_in must be 1 to {LONGEST_LIFE_SECS} seconds"
            ))),
        })
        .transpose()?;
    let key = ApiKeySecret::generate().map_err(ApiError::internal)?;
    let new = NewApiKey {
        holder,
        id: key.id(),
        name: &name,
        hash: key.whole().hash(),
        scopes,
        expires,
        bound,
    };
    let made = principal.identity(&app).create_api_key(new, now).await;
    let made = made.map_err(|error| match error.kind() {
        // The place may have ended meanwhile.
        ErrorKind::NotFound if other.is_some() => ApiError::not_found("user"),
        _ => error.into(),
    })?;
    if let Some(account) = made.bound_to() {
        principal.manages(&app, account).await;
    }
    record(&app, &principal, Action::CreateKey, &made).await;
    let answer = ApiKeyCreated {
        id: made.id,
        name: made.name,
        key: key.whole().expose().to_owned(),
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, Json(answer)))
}

/// Deletes a key of the caller, or one that is bound to an account that the caller owns, and ends every login that began
/// with it. The operator may delete anybody's.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    BodyOrQuery(ApiKeyDelete { id }): BodyOrQuery<ApiKeyDelete>,
) -> Result<Json<Deleted>, ApiError> {
    let owned = owned(&principal);
    let identity = principal.identity(&app);
    let deleted = identity
        .delete_api_key(reach(&principal, &owned), &id)
        .await?;
    record(&app, &principal, Action::DeleteKey, &deleted).await;
    Ok(Json(Deleted {
        message: "Delete API key success".to_owned(),
    }))
}

/// Records an act about a key: in the account that the key is bound to, else where its holder's logins are recorded.
async fn record(app: &App, principal: &Principal, action: Action, key: &store::ApiKey) {
    let act = |domain| {
        let act = Act::new(action, principal.actor(), domain);
        let act = act.to(Thing::api_key(&key.id, Some(&key.name)));
        if key.holder == principal.id() {
            act
        } else {
            act.with("user", key.holder_name.as_str())
        }
    };
    match key.bound_to() {
        Some(account) => app.audit.record_in(&[account], act).await,
        None => app.audit.record_for(key.holder, act).await,
    }
}

/// Returns whether a text is the GUID or the name of this user.
fn is_called(text: &str, id: UserId, name: &str) -> bool {
    text.parse()
        .map_or_else(|_| canonical_name(text) == name, |guid: UserId| guid == id)
}

/// Returns the scopes of a new key; by default all that it may have.
fn scopes_of(scopes: Option<Vec<KeyScope>>, may_manage: bool) -> Result<KeyScopes, ApiError> {
    let may = |scope: &model::KeyScope| may_manage || *scope != model::KeyScope::Manage;
    match scopes {
        None => Ok(model::KeyScope::ALL.into_iter().filter(may).collect()),
        Some(none) if none.is_empty() => Err(ApiError::bad_request(
            "scopes is empty: leave it out for all",
        )),
        Some(some) => {
            let some: Vec<_> = some.into_iter().map(scope).collect();
            if some.iter().all(may) {
                Ok(some.into_iter().collect())
            } else {
                Err(ApiError::bad_request(
                    "a key that is bound to an account or a space, as each key for another user is, cannot have the scope manage",
                ))
            }
        }
    }
}

/// Returns the place that a key of the caller is bound to, if the request names one. The caller must hold a role there.
async fn place(
    app: &App,
    principal: &Principal,
    account: Option<String>,
    space: Option<String>,
) -> Result<Option<Home>, ApiError> {
    match (account, space) {
        (None, None) => Ok(None),
        (Some(account), None) => {
            let account: Option<AccountId> = account.parse().ok();
            let account = account.filter(|account| principal.has_role_in(*account));
            let account = account.ok_or_else(|| ApiError::not_found("account"))?;
            Ok(Some(Home {
                account: Some(account),
                space: None,
            }))
        }
        (None, Some(space)) => {
            let unknown = || ApiError::not_found("space");
            let space: SpaceId = space.parse().map_err(|_| unknown())?;
            let knows = |account| knows_space(principal.standing(), space, account);
            let account = app.standings.account_of(space, knows).await?;
            Ok(Some(Home {
                account: Some(account.ok_or_else(unknown)?),
                space: Some(space),
            }))
        }
        _ => Err(ApiError::bad_request(
            "a key is bound to an account or to a space: send the GUID of one of them, or of none",
        )),
    }
}

/// Returns the place of a key for another user, and its account, which the caller must own: the place that the request
/// names, or the only account that the caller owns.
async fn owned_place(
    app: &App,
    principal: &Principal,
    account: Option<String>,
    space: Option<String>,
) -> Result<(AccountId, Home), ApiError> {
    let home = match place(app, principal, account, space).await? {
        Some(home) => home,
        None => Home {
            account: Some(only_owned(app, principal).await?),
            space: None,
        },
    };
    let account = home.account.ok_or_else(|| ApiError::not_found("account"))?;
    if principal.owns(account) {
        return Ok((account, home));
    }
    Err(ApiError::forbidden(
        "only an owner of the account may create keys for its users",
    ))
}

fn scope(scope: KeyScope) -> model::KeyScope {
    match scope {
        KeyScope::Read => model::KeyScope::Read,
        KeyScope::Send => model::KeyScope::Send,
        KeyScope::Delete => model::KeyScope::Delete,
        KeyScope::Manage => model::KeyScope::Manage,
    }
}

fn wire_scope(scope: model::KeyScope) -> KeyScope {
    match scope {
        model::KeyScope::Read => KeyScope::Read,
        model::KeyScope::Send => KeyScope::Send,
        model::KeyScope::Delete => KeyScope::Delete,
        model::KeyScope::Manage => KeyScope::Manage,
    }
}

fn wire(key: store::ApiKey) -> ApiKey {
    let store::ApiKey {
        id,
        name,
        created,
        scopes,
        expires,
        used,
        home,
        holder: _,
        holder_name,
        maker_name,
        bound,
    } = key;
    ApiKey {
        id,
        name,
        user: holder_name,
        maker: maker_name,
        bound,
        create_time: format_timestamp(created),
        scopes: scopes.iter().map(wire_scope).collect(),
        expire_time: expires.map(format_timestamp),
        use_time: used.map(format_timestamp),
        account: home.account.map(|id| id.to_string()),
        space: home.space.map(|id| id.to_string()),
    }
}
