//! API keys: the caller's own; the operator may also list and delete those of others.

use std::sync::Arc;
use std::time::Duration;

use atrail_api::{
    ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyDelete, ApiKeysQuery, Deleted, KeyScope, List,
};
use atrail_model::{
    self as model, AccountId, Home, KeyScopes, SpaceId, Timestamp, format_timestamp,
};
use atrail_store::{self as store, NewApiKey};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::app::App;
use crate::audit::{Act, Action, Thing};
use crate::auth::permissions::knows_space;
use crate::auth::principal::{Manager, Principal};
use crate::auth::secrets::ApiKeySecret;
use crate::error::ApiError;
use crate::extract::{BodyOrQuery, JsonBody, Query};

/// Longest lifetime of an expiring key, in seconds: ten years.
const LONGEST_LIFE_SECS: u64 = 10 * 366 * 86_400;

/// Lists keys, without their secrets. Only the operator may list another user's.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    Query(ApiKeysQuery { user }): Query<ApiKeysQuery>,
) -> Result<Json<List<ApiKey>>, ApiError> {
    let holder = match user {
        Some(name) if name != principal.user().name => {
            if !principal.is_operator() {
                return Err(ApiError::forbidden(
                    "only the server's operator may list the keys of others",
                ));
            }
            app.identity.user_called(&name).await?.id
        }
        _ => principal.id(),
    };
    let keys = app.identity.api_keys(holder).await?;
    Ok(Json(List {
        resources: keys.into_iter().map(wire).collect(),
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
            "a key with scopes or an end cannot create keys: log in with a password",
        ));
    }
    let ApiKeyCreate {
        name,
        scopes,
        expires_in,
        account,
        space,
    } = new;
    let home = home(&app, &principal, account, space).await?;
    let scopes = match scopes {
        None => KeyScopes::ALL,
        Some(none) if none.is_empty() => {
            return Err(ApiError::bad_request(
                "scopes is empty: leave it out for all",
            ));
        }
        Some(some) => some.into_iter().map(scope).collect(),
    };
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
        holder: principal.id(),
        id: key.id(),
        name: &name,
        hash: key.whole().hash(),
        scopes,
        expires,
        home,
    };
    let made = principal.identity(&app).create_api_key(new, now).await?;
    let act = |domain| {
        let act = Act::new(Action::CreateKey, principal.actor(), domain);
        act.to(Thing::api_key(&made.id, Some(&made.name)))
    };
    app.audit.record_for(principal.id(), act).await;
    let answer = ApiKeyCreated {
        id: made.id,
        name: made.name,
        key: key.whole().expose().to_owned(),
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, Json(answer)))
}

/// Deletes a key of the caller, and ends every login that began with it. The operator may delete anybody's.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    BodyOrQuery(ApiKeyDelete { id }): BodyOrQuery<ApiKeyDelete>,
) -> Result<Json<Deleted>, ApiError> {
    let holder = (!principal.is_operator()).then(|| principal.id());
    let identity = principal.identity(&app);
    let holder = identity.delete_api_key(holder, &id).await?;
    let act = |domain| {
        let act = Act::new(Action::DeleteKey, principal.actor(), domain);
        act.to(Thing::api_key(&id, None))
    };
    app.audit.record_for(holder, act).await;
    Ok(Json(Deleted {
        message: "Delete API key success".to_owned(),
    }))
}

/// Returns the place that a key is bound to, if the request names one. The caller must hold a role there.
async fn home(
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
    } = key;
    ApiKey {
        id,
        name,
        create_time: format_timestamp(created),
        scopes: scopes.iter().map(wire_scope).collect(),
        expire_time: expires.map(format_timestamp),
        use_time: used.map(format_timestamp),
        account: home.account.map(|id| id.to_string()),
        space: home.space.map(|id| id.to_string()),
    }
}
