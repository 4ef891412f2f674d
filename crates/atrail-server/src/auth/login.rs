//! Issues tokens: for a password, an API key, a refresh token (RFC 6749 §4.3, §6), or an OpenID provider's token.

use std::time::Duration;

use atrail_api::{TokenError, TokenRequest, TokenResponse};
use atrail_model::{LoginId, Timestamp, User};
use atrail_store::{Exchange, ExternalUser, LoginKind, NewLogin, Proof, canonical_name};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::oidc::Refused;
use super::secrets::{Secret, refresh_token, sha256};
use super::sent_keys::{self, Verified};
use super::tokens::ClientKind;
use crate::app::App;
use crate::audit::{Act, Action, Actor, Credential, Origin};
use crate::error::ApiError;
use crate::metrics::AuthFailure;

/// Within this time after its exchange, a client may exchange a refresh token again, because it may not have received
/// the answer.
const REFRESH_RETRY_WITHIN: Duration = Duration::from_secs(10);

/// Why the server issues no token.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A refusal in the words of RFC 6749 §5.2.
    Grant(&'static str, &'static str),
    /// A refusal of the client, not of the user.
    Client,
    /// Any other error.
    Other(ApiError),
}

impl<E: Into<ApiError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, description) = match self {
            Self::Other(error) => return error.into_response(),
            Self::Grant(error, description) => (StatusCode::BAD_REQUEST, error, description),
            Self::Client => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "the client is `cf` with an empty secret",
            ),
        };
        let body = TokenError {
            error: error.to_owned(),
            error_description: description.to_owned(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        }
        response
    }
}

/// The same answer for unknown users, wrong passwords and wrong keys.
const BAD_CREDENTIALS: Refusal = Refusal::Grant(
    "invalid_grant",
    "the user name and password, or the API key, are wrong",
);
const INGEST_KEY: Refusal = Refusal::Grant(
    "invalid_grant",
    "an ingest key begins no login: send it with each request",
);
const BAD_REFRESH_TOKEN: Refusal = Refusal::Grant(
    "invalid_grant",
    "the refresh token is unknown, was used before, or has expired: log in again",
);

const BAD_ID_TOKEN: Refusal = Refusal::Grant(
    "invalid_grant",
    "the server does not accept the OpenID provider's token: log in again; the server's log gives the reason",
);
/// RFC 7523 §2.1.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Issues tokens for the credentials in the form.
pub(crate) async fn grant(
    app: &App,
    form: TokenRequest,
    origin: &Origin,
) -> Result<TokenResponse, Refusal> {
    let TokenRequest {
        grant_type,
        username,
        password,
        passcode,
        refresh_token,
        assertion,
    } = form;
    match grant_type.as_str() {
        "password" => match (username, password, passcode) {
            (_, None, Some(key)) => by_api_key(app, &key, origin).await,
            (Some(user), Some(key), None) if user == "apikey" => {
                by_api_key(app, &key, origin).await
            }
            (Some(user), Some(password), None) => by_password(app, user, password, origin).await,
            _ => Err(Refusal::Grant(
                "invalid_request",
                "username and password are required, or passcode alone",
            )),
        },
        "refresh_token" => match refresh_token {
            Some(token) => by_refresh_token(app, &token, origin).await,
            None => Err(Refusal::Grant(
                "invalid_request",
                "refresh_token is required",
            )),
        },
        JWT_BEARER => match assertion {
            Some(token) => by_id_token(app, &token, origin).await,
            None => Err(Refusal::Grant("invalid_request", "assertion is required")),
        },
        _ => Err(Refusal::Grant(
            "unsupported_grant_type",
            "grant_type must be password, refresh_token, or that of a JWT bearer (RFC 7523)",
        )),
    }
}

async fn by_password(
    app: &App,
    name: String,
    password: String,
    origin: &Origin,
) -> Result<TokenResponse, Refusal> {
    let address = origin.address();
    // Two spellings of a name count as one name.
    let counted = canonical_name(&name);
    let now = app.clock.elapsed();
    let attempt = app.throttle.begin(Some(&counted), address, now)?;
    let found = app.identity.credentials(&name).await;
    let (attempt, found) = attempt.tried(found)?;
    let hash = found.as_ref().and_then(|found| found.password_hash.clone());
    let fits = app.passwords.verify(password, hash.clone(), address).await;
    let (attempt, fits) = attempt.tried(fits)?;
    let hash = hash.filter(|_| fits);
    let (Some(found), Some(hash)) = (&found, &hash) else {
        app.metrics.auth_failed(AuthFailure::Password);
        tracing::warn!(%address, "a login was refused");
        if let Some(found) = found {
            let actor = Actor::new(&found.user, origin.clone());
            app.audit.refused_login(actor.by(Credential::Password));
        }
        return Err(BAD_CREDENTIALS);
    };
    attempt.succeeded();
    begin(app, &found.user, Proof::Password { hash }, origin).await
}

async fn by_api_key(app: &App, text: &str, origin: &Origin) -> Result<TokenResponse, Refusal> {
    let address = origin.address();
    let attempt = app.throttle.begin_key(address, app.clock.elapsed());
    let found = sent_keys::holder_of(app, text, address, attempt).await?;
    let Verified { key, holder, .. } = found.ok_or(BAD_CREDENTIALS)?;
    let user = holder.user.ok_or(INGEST_KEY)?;
    let proof = Proof::ApiKey {
        id: key.id(),
        hash: holder.hash,
    };
    begin(app, &user, proof, origin).await
}

/// Issues tokens for an ID token of the OpenID provider, sent as an assertion (RFC 7523 §2.1).
async fn by_id_token(app: &App, token: &str, origin: &Origin) -> Result<TokenResponse, Refusal> {
    let address = origin.address();
    let Some(oidc) = &app.oidc else {
        return Err(Refusal::Grant(
            "unsupported_grant_type",
            "this server has no OpenID provider",
        ));
    };
    let now = app.clock.moment();
    let attempt = app.throttle.begin(None, address, now.elapsed)?;
    let user = match oidc.verify(token.trim(), now).await {
        Ok(user) => user,
        Err(Refused::Other(error)) => {
            attempt.not_made();
            return Err(Refusal::Other(error));
        }
        Err(Refused::NoName(claim)) => {
            attempt.not_made();
            tracing::warn!(%claim, "an ID token has no name in the claim of auth.oidc.user_claim");
            return Err(BAD_ID_TOKEN);
        }
        Err(Refused::Token(why)) => {
            app.metrics.auth_failed(AuthFailure::IdToken);
            tracing::warn!(%address, why, "an ID token was refused");
            return Err(BAD_ID_TOKEN);
        }
    };
    attempt.succeeded();
    let roles = oidc.roles(&app.tenancy, &user).await?;
    let external = ExternalUser {
        issuer: oidc.issuer(),
        subject: &user.subject,
        name: &user.name,
        roles: &roles,
    };
    let admitted = app
        .identity
        .admit_external_user(&external, now.date)
        .await?;
    let ends = now.date.checked_add(oidc.login_ttl());
    let ends = ends.unwrap_or(Timestamp::MAX);
    begin(app, &admitted, Proof::External { ends }, origin).await
}

/// Begins a login with what proved the user's identity. When the proof no longer holds, answers as for wrong
/// credentials.
async fn begin(
    app: &App,
    user: &User,
    proof: Proof<'_>,
    origin: &Origin,
) -> Result<TokenResponse, Refusal> {
    let (client, credential, api_key) = match proof {
        Proof::Password { .. } => (ClientKind::Password, Credential::Password, None),
        Proof::ApiKey { id, .. } => (ClientKind::ApiKey, Credential::ApiKey, Some(id)),
        Proof::External { .. } => (ClientKind::Sso, Credential::Token, None),
    };
    let refresh = refresh_token().map_err(ApiError::internal)?;
    let now = app.clock.now();
    let new = NewLogin {
        user,
        proof,
        refresh_hash: refresh.hash(),
        now,
        expires: app.refresh_end(now),
    };
    let login = app.identity.begin_login(new).await?;
    let login = login.ok_or(BAD_CREDENTIALS)?;
    let act = |domain| {
        let actor = Actor::new(user, origin.clone()).by(credential);
        let act = Act::new(Action::Login, actor, domain);
        match api_key {
            Some(key) => act.with("apiKey", key),
            None => act,
        }
    };
    app.audit.login_began(login, act).await;
    respond(app, user, login, client, &refresh)
}

async fn by_refresh_token(
    app: &App,
    text: &str,
    origin: &Origin,
) -> Result<TokenResponse, Refusal> {
    let next = refresh_token().map_err(ApiError::internal)?;
    let now = app.clock.now();
    let exchange = app
        .identity
        .exchange_refresh_token(
            sha256(text.trim().as_bytes()),
            next.hash(),
            now,
            app.refresh_end(now),
            REFRESH_RETRY_WITHIN,
        )
        .await?;
    match exchange {
        Exchange::Renewed { login, user, kind } => {
            let client = match kind {
                LoginKind::Password => ClientKind::Password,
                LoginKind::ApiKey => ClientKind::ApiKey,
                LoginKind::External => ClientKind::Sso,
            };
            respond(app, &user, login, client, &next)
        }
        Exchange::Unknown => {
            app.metrics.auth_failed(AuthFailure::RefreshToken);
            Err(BAD_REFRESH_TOKEN)
        }
        Exchange::Reused { user, ended } => {
            app.metrics.auth_failed(AuthFailure::RefreshToken);
            tracing::warn!(user = %user.id, "a client used a refresh token twice: its login has ended");
            let actor = of_login(Actor::new(&user, origin.clone()), ended.api_key);
            app.audit.refused_refresh(actor, ended.accounts);
            Err(BAD_REFRESH_TOKEN)
        }
    }
}

/// Ends the login of a refresh token, whether exchanged or not, or of an access token that has not expired.
pub(crate) async fn revoke(app: &App, token: &str, origin: &Origin) -> Result<(), ApiError> {
    let ended = match app.tokens.verify(token, app.clock.moment()) {
        Some(login) => app.identity.end_login(login).await?,
        None => app.identity.end_login_of(sha256(token.as_bytes())).await?,
    };
    if let Some(ended) = ended {
        let actor = of_login(Actor::of_id(ended.user, origin.clone()), ended.api_key);
        let act = |domain| Act::new(Action::Logout, actor.clone(), domain);
        app.audit.record_in(&ended.accounts, act).await;
    }
    Ok(())
}

/// Returns the actor with the API key that began the login, if one did.
fn of_login(actor: Actor, api_key: Option<String>) -> Actor {
    match api_key {
        Some(key) => actor.of_login_by(key.into()),
        None => actor,
    }
}

fn respond(
    app: &App,
    user: &User,
    login: LoginId,
    client: ClientKind,
    refresh: &Secret,
) -> Result<TokenResponse, Refusal> {
    let issued = app.tokens.issue(user, login, client, app.clock.now())?;
    Ok(TokenResponse {
        access_token: issued.token,
        token_type: "bearer".to_owned(),
        refresh_token: refresh.expose().to_owned(),
        expires_in: issued.expires_in_secs,
        scope: "atrail".to_owned(),
        jti: issued.jti,
    })
}
