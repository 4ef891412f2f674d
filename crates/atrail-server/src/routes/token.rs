//! Tokens (RFC 6749), and the keys that verify them.

use std::sync::Arc;

use atrail_api::{TokenRequest, TokenResponse, TokenRevocation};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::app::App;
use crate::audit::Origin;
use crate::auth::bearer::after_word;
use crate::auth::login::{self, Refusal};
use crate::auth::principal::Operator;
use crate::error::ApiError;
use crate::extract::Form;

/// Issues tokens.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    origin: Origin,
    headers: HeaderMap,
    form: Result<Form<TokenRequest>, ApiError>,
) -> Result<impl IntoResponse, Refusal> {
    if !is_known_client(&headers) {
        return Err(Refusal::Client);
    }
    let Form(form) = form?;
    let answer: TokenResponse = login::grant(&app, form, &origin).await?;
    // RFC 6749 §5.1.
    let no_store = [
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ];
    Ok((no_store, Json(answer)))
}

/// Returns the JWK set of the token signing keys.
pub(super) async fn keys(State(app): State<Arc<App>>) -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, app.tokens.jwks(app.clock.elapsed()))
}

/// Creates a new signing key, and answers as [`keys`] does.
pub(super) async fn rotate_key(
    State(app): State<Arc<App>>,
    _: Operator,
) -> Result<impl IntoResponse, ApiError> {
    app.tokens
        .rotate(app.clock.elapsed())
        .map_err(ApiError::internal)?;
    tracing::info!("an operator replaced the token signing key");
    Ok((StatusCode::CREATED, keys(State(app)).await))
}

/// Ends the login that a token belongs to (RFC 7009). An unknown token counts as ended.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    origin: Origin,
    headers: HeaderMap,
    form: Result<Form<TokenRevocation>, ApiError>,
) -> Result<StatusCode, Refusal> {
    if !is_known_client(&headers) {
        return Err(Refusal::Client);
    }
    let Form(TokenRevocation { token }) = form?;
    login::revoke(&app, token.trim(), &origin).await?;
    Ok(StatusCode::OK)
}

/// Returns whether the request's client is `cf`, the only one. Its secret is empty, so a request without a client
/// proves as much; any other client is refused.
fn is_known_client(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return true;
    };
    value
        .to_str()
        .ok()
        .and_then(|value| after_word(value, "basic"))
        .and_then(|encoded| STANDARD.decode(encoded.trim()).ok())
        .is_some_and(|client| client == b"cf:")
}
