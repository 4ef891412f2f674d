//! The caller's API keys.

use std::sync::Arc;

use atrail_api::{ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyDelete, Deleted, List};
use atrail_model::format_timestamp;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::app::App;
use crate::auth::principal::Principal;
use crate::auth::secrets::ApiKeySecret;
use crate::error::ApiError;
use crate::extract::{BodyOrQuery, JsonBody};

/// Without their secrets.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    principal: Principal,
) -> Result<Json<List<ApiKey>>, ApiError> {
    let keys = app.identity.api_keys(principal.id()).await?;
    Ok(Json(List {
        resources: keys.into_iter().map(wire).collect(),
    }))
}

/// A new key; its secret is shown here and never again.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    principal: Principal,
    JsonBody(ApiKeyCreate { name }): JsonBody<ApiKeyCreate>,
) -> Result<impl IntoResponse, ApiError> {
    let key = ApiKeySecret::generate().map_err(ApiError::internal)?;
    let (hash, now) = (key.whole().hash(), app.clock.now());
    let made = app
        .identity
        .create_api_key(principal.id(), key.id(), &name, hash, now)
        .await?;
    let answer = ApiKeyCreated {
        id: made.id,
        name: made.name,
        key: key.whole().expose().to_owned(),
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, Json(answer)))
}

/// Ends the key and every login that came of it.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    principal: Principal,
    BodyOrQuery(ApiKeyDelete { id }): BodyOrQuery<ApiKeyDelete>,
) -> Result<Json<Deleted>, ApiError> {
    app.identity.delete_api_key(principal.id(), &id).await?;
    app.standings.forget();
    Ok(Json(Deleted {
        message: "Delete API key success".to_owned(),
    }))
}

fn wire(key: atrail_store::ApiKey) -> ApiKey {
    let atrail_store::ApiKey { id, name, created } = key;
    ApiKey {
        id,
        name,
        create_time: format_timestamp(created),
    }
}
