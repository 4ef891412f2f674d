//! Access tokens: where they come from, and how the client renews one that the server refuses.

use atrail_api::{TokenError, TokenRequest, TokenResponse, TokenRevocation, paths};
use reqwest::{Method, StatusCode};
use tokio::sync::Mutex;

use super::answer::{self, ONE_MAX_BYTES};
use super::failure::{Unsent, is_busy, is_lasting, unreachable_error, unread_error};
use super::problem::explain;
use super::retry::{Backoff, jitter, retry_after};
use super::server::Server;
use crate::error::{CliError, Exit, LOG_IN, Result};
use crate::state::{Credentials, Locked, StateDir};

/// Attempts to get a token.
const ATTEMPTS: u32 = 5;
/// The user name with which an API key logs in.
const API_KEY_USER: &str = "apikey";
/// What to do with a key that is refused.
const API_KEY_HINT: &str = "check the file with the API key: `atrail admin api-key list` shows the keys in force, and `atrail admin api-key \
     create NAME` makes another";
/// What an ingest key is for.
const INGEST_KEY_HINT: &str = "commands need an API key: `atrail admin api-key create NAME --scope send` makes one that only sends. With an ingest key, \
     send by `curl -H 'Authorization: Bearer KEY' --data-binary @FILE ENDPOINT/v3/events`";
/// RFC 6749 §6.
const REFRESH: &str = "refresh_token";

/// Credentials for a server.
pub(crate) struct Auth {
    source: Source,
    current: Mutex<Option<String>>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth(***)")
    }
}

enum Source {
    /// The login of a context; its refresh token is on disk.
    Context { state: StateDir, name: String },
    /// An API key; its token stays in memory.
    ApiKey(String),
}

impl Auth {
    /// Authenticates by the login of a context.
    pub(crate) fn context(state: StateDir, name: String) -> Self {
        Self::from_source(Source::Context { state, name })
    }

    /// Authenticates by an API key.
    pub(crate) fn api_key(key: String) -> Self {
        Self::from_source(Source::ApiKey(key))
    }

    fn from_source(source: Source) -> Self {
        Self {
            source,
            current: Mutex::new(None),
        }
    }

    /// Returns the token in use.
    pub(super) async fn token(&self, server: &Server) -> Result<String> {
        let mut current = self.current.lock().await;
        if let Some(token) = &*current {
            return Ok(token.clone());
        }
        let token = match &self.source {
            Source::Context { state, name } => {
                let credentials = state.credentials(name)?;
                credentials
                    .ok_or_else(CliError::not_logged_in)?
                    .access_token
            }
            Source::ApiKey(key) => grant_api_key(server, key).await?.access_token,
        };
        Ok(current.insert(token).clone())
    }

    /// Returns a token other than `stale`, which the server has refused.
    pub(super) async fn renew(&self, server: &Server, stale: &str) -> Result<String> {
        let mut current = self.current.lock().await;
        // Another task of this process has already renewed it.
        if let Some(token) = current.as_deref().filter(|token| *token != stale) {
            return Ok(token.to_owned());
        }
        let token = match &self.source {
            Source::Context { state, name } => {
                refresh(server, state.clone(), name.clone(), stale).await?
            }
            Source::ApiKey(key) => grant_api_key(server, key).await?.access_token,
        };
        Ok(current.insert(token).clone())
    }
}

/// Exchanges the refresh token, unless another process has already done so.
async fn refresh(server: &Server, state: StateDir, name: String, stale: &str) -> Result<String> {
    let locked: Locked = tokio::task::spawn_blocking(move || state.lock_credentials(&name))
        .await
        .map_err(|error| CliError::failed("could not lock the credentials").because(error))??;
    let credentials = locked.read()?.ok_or_else(CliError::not_logged_in)?;
    if credentials.access_token != stale {
        return Ok(credentials.access_token);
    }
    let form = TokenRequest {
        grant_type: REFRESH.to_owned(),
        refresh_token: Some(credentials.refresh_token),
        ..TokenRequest::default()
    };
    let answer = grant(server, &form).await?;
    let token = answer.access_token.clone();
    locked.save(&Credentials {
        access_token: answer.access_token,
        refresh_token: answer.refresh_token,
    })?;
    Ok(token)
}

/// Logs a user in.
pub(crate) async fn grant_password(
    server: &Server,
    user: &str,
    password: &str,
) -> Result<TokenResponse> {
    let form = TokenRequest {
        grant_type: "password".to_owned(),
        username: Some(user.to_owned()),
        password: Some(password.to_owned()),
        ..TokenRequest::default()
    };
    grant(server, &form).await
}

/// Logs in the user that the server's OpenID provider names in an ID token (RFC 7523 §2.1).
pub(crate) async fn grant_id_token(server: &Server, token: String) -> Result<TokenResponse> {
    let form = TokenRequest {
        grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned(),
        assertion: Some(token),
        ..TokenRequest::default()
    };
    grant(server, &form).await
}

/// Revokes a login at the server (RFC 7009), by its refresh token.
pub(crate) async fn revoke(server: &Server, refresh_token: &str) -> Result<()> {
    let confided = server.confide(Method::POST, paths::REVOKE).await?;
    let request = confided.basic_auth("cf", Some("")).form(&TokenRevocation {
        token: refresh_token.to_owned(),
    });
    let response = request
        .send()
        .await
        .map_err(|error| unreachable_error(&server.endpoint, &error))?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(explain(response).await)
    }
}

async fn grant_api_key(server: &Server, key: &str) -> Result<TokenResponse> {
    grant_password(server, API_KEY_USER, key).await
}

/// Requests tokens (RFC 6749 §4.3, §6) as the Cloud Foundry client `cf`, which has no secret.
async fn grant(server: &Server, form: &TokenRequest) -> Result<TokenResponse> {
    let mut backoff = Backoff::new(ATTEMPTS);
    loop {
        let (asked, error) = match attempt(server, form).await {
            Ok(response) if is_busy(response.status()) => {
                (retry_after(response.headers()), explain(response).await)
            }
            Ok(response) => return read(server, form, response).await,
            Err(Unsent::Network(error)) if is_lasting(&error) => {
                return Err(unreachable_error(&server.endpoint, &error));
            }
            Err(Unsent::Network(error)) => (None, unreachable_error(&server.endpoint, &error)),
            Err(Unsent::Fatal(error)) => return Err(error),
        };
        match backoff.next(asked, jitter()) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(error),
        }
    }
}

async fn attempt(server: &Server, form: &TokenRequest) -> Result<reqwest::Response, Unsent> {
    let confided = server.confide(Method::POST, paths::TOKEN).await?;
    let request = confided.basic_auth("cf", Some("")).form(form);
    Ok(request.send().await?)
}

async fn read(
    server: &Server,
    form: &TokenRequest,
    response: reqwest::Response,
) -> Result<TokenResponse> {
    let status = response.status();
    let is_refused = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED);
    if !status.is_success() && !is_refused {
        return Err(explain(response).await);
    }
    let body = match answer::read(response, ONE_MAX_BYTES).await {
        Ok(body) => body,
        Err(error) => {
            return Err(match unread_error(&server.endpoint, error) {
                Unsent::Network(error) => unreachable_error(&server.endpoint, &error),
                Unsent::Fatal(error) => error,
            });
        }
    };
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| {
            CliError::failed("the server's tokens cannot be understood")
                .because(error)
                .hint("is this an atrail server?")
        });
    }
    if form.grant_type == REFRESH {
        // Which of the reasons it was (unknown, used before, expired) changes nothing for the user.
        return Err(
            CliError::new(Exit::Denied, "your login has ended: log in again")
                .hint(format!("`{LOG_IN}`")),
        );
    }
    let why = serde_json::from_slice::<TokenError>(&body);
    let why = why.map(|error| error.error_description);
    let is_key = form.username.as_deref() == Some(API_KEY_USER);
    let hint = match &why {
        Ok(why) if why.starts_with(TokenError::INGEST_KEY) => INGEST_KEY_HINT.to_owned(),
        _ if is_key => API_KEY_HINT.to_owned(),
        _ => format!("check user and password or key, then log in again: `{LOG_IN}`"),
    };
    let refused = CliError::new(Exit::Denied, "the login was refused").hint(hint);
    Err(match why {
        Ok(why) => refused.because(why),
        Err(_) => refused,
    })
}
