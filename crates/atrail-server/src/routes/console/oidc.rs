//! Logs browsers in through the OpenID provider.

use std::sync::Arc;

use atrail_api::paths;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::info;
use super::session::{must_be_protected, with_cookies};
use crate::app::App;
use crate::audit::Origin;
use crate::auth::browser::{ByCookie, cookie, rules};
use crate::auth::login::{self, Begun, Keeper, Refusal};
use crate::auth::oidc::{Oidc, Pending, Refused};
use crate::error::ApiError;
use crate::extract::Query;
use crate::metrics::AuthFailure;
use atrail_api::ErrorCode;

/// Longest place to come back to, in bytes: with it the cookie fits into what browsers keep.
const BACK_MAX_BYTES: usize = 2048;

/// The query of the beginning.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct Start {
    #[serde(rename = "return")]
    back: Option<String>,
    /// Whether the provider shall ask the user again.
    fresh: Option<bool>,
}

/// What the provider leads a browser back with (RFC 6749 §4.1.2, RFC 9207 §2). Providers add members of their own.
#[derive(Deserialize)]
pub(in crate::routes) struct Callback {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Why nobody was logged in, as the console's login shows it.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// The provider, or this server, refuses the user.
    Refused,
    /// The browser took too long, or did not begin here.
    Expired,
    /// A fresh login was wanted, and the provider does not say that this is one.
    Stale,
    /// The provider cannot be reached.
    Unavailable,
}

impl Failure {
    const fn word(self) -> &'static str {
        match self {
            Self::Refused => "oidc_refused",
            Self::Expired => "oidc_expired",
            Self::Stale => "oidc_stale",
            Self::Unavailable => "oidc_unavailable",
        }
    }
}

/// Leads a browser to the provider.
pub(in crate::routes) async fn start(
    State(app): State<Arc<App>>,
    method: Method,
    headers: HeaderMap,
    query: Result<Query<Start>, ApiError>,
) -> Result<Response, ApiError> {
    must_be_protected(&app, &headers).await?;
    rules::check(&app.settings, &method, &headers, ByCookie::Download)?;
    let oidc = provider(&app)?;
    let Query(Start { back, fresh }) = query?;
    let back = back.unwrap_or_else(|| "#/".to_owned());
    let is_fragment = back.starts_with("#/")
        && back.len() <= BACK_MAX_BYTES
        && back.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_fragment {
        return Err(ApiError::bad_request(
            "return is a place in the console: a fragment that begins with #/",
        ));
    }
    // The browser's own page leads here, so the cookie comes along, as it does not from the provider.
    let earlier = cookie::sent(&app.settings, &headers);
    let pending = Pending::new(back, fresh.unwrap_or(false), earlier);
    let pending = pending.map_err(ApiError::internal)?;
    let redirect_uri = redirect_uri(&app, &headers);
    let now = app.clock.elapsed();
    let url = oidc.authorization_url(&pending, &redirect_uri, now).await;
    let url = match url {
        Ok(url) => url,
        Err(error) if error.code() == ErrorCode::Unavailable => {
            return Ok(failed(Failure::Unavailable));
        }
        Err(error) => return Err(error),
    };
    let lines = cookie::set_pending(&app.settings, &headers, &pending.to_cookie());
    Ok(with_cookies(lines, Redirect::to(&url).into_response()))
}

/// Logs in the browser that comes back from the provider, and leads it to the console.
pub(in crate::routes) async fn callback(
    State(app): State<Arc<App>>,
    origin: Origin,
    headers: HeaderMap,
    query: Result<Query<Callback>, ApiError>,
) -> Result<Response, ApiError> {
    must_be_protected(&app, &headers).await?;
    let oidc = provider(&app)?;
    let Query(query) = query?;
    let emptied = cookie::set_pending(&app.settings, &headers, "");
    let pending = cookie::pending(&app.settings, &headers).and_then(Pending::of_cookie);
    let answer = match finish(&app, oidc, query, pending, &origin, &headers).await {
        Ok((begun, pending)) => {
            end_earlier(&app, &pending, &origin).await?;
            let back = pending.back();
            let answer = Redirect::to(&format!("{}{back}", paths::CONSOLE_DOCUMENT));
            let secret = begun.secret.expose();
            let lines = cookie::set(&app.settings, &headers, secret);
            with_cookies(lines, answer.into_response())
        }
        Err(failure) => failed(failure),
    };
    Ok(with_cookies(emptied, answer))
}

/// Ends the login that the browser had when it went to the provider: the new one has taken its place.
async fn end_earlier(app: &App, pending: &Pending, origin: &Origin) -> Result<(), ApiError> {
    let Some(hash) = pending.earlier() else {
        return Ok(());
    };
    match app.identity.browser_login(hash, app.clock.now()).await? {
        Some(found) => login::end(app, found.login, origin).await,
        None => Ok(()),
    }
}

/// Begins the login, and returns what the browser kept.
async fn finish(
    app: &App,
    oidc: &Oidc,
    query: Callback,
    pending: Option<Pending>,
    origin: &Origin,
    headers: &HeaderMap,
) -> Result<(Begun, Pending), Failure> {
    let state = query.state.unwrap_or_default();
    let pending = pending.filter(|pending| pending.has_state(&state));
    let pending = pending.ok_or(Failure::Expired)?;
    let is_other = query.iss.is_some_and(|issuer| issuer != oidc.issuer());
    let code = query.code.filter(|_| query.error.is_none() && !is_other);
    let code = code.ok_or(Failure::Refused)?;
    let redirect_uri = redirect_uri(app, headers);
    let now = app.clock.elapsed();
    // Anybody can make up a code: each asks the provider, and a wrong one counts.
    let attempt = app.throttle.begin(None, origin.address(), now).await;
    let attempt = attempt.map_err(|_| Failure::Unavailable)?;
    let token = match oidc.exchange(&code, &pending, &redirect_uri, now).await {
        Ok(token) => token,
        Err(Refused::Token(why)) => {
            app.metrics.auth_failed(AuthFailure::IdToken);
            tracing::warn!(address = %origin.address(), why, "a browser's login was refused");
            return Err(Failure::Refused);
        }
        Err(Refused::Other(_) | Refused::NoName(_)) => {
            attempt.not_made();
            return Err(Failure::Unavailable);
        }
    };
    attempt.not_made();
    let begun = login::by_id_token(app, &token, Some(&pending), origin, Keeper::Cookie).await;
    let begun = begun.map_err(|refusal| match refusal {
        Refusal::Other(error) if error.code() == ErrorCode::FreshLoginRequired => Failure::Stale,
        Refusal::Other(error) if error.code() != ErrorCode::Conflict => Failure::Unavailable,
        _ => Failure::Refused,
    })?;
    Ok((begun, pending))
}

fn provider(app: &App) -> Result<&Oidc, ApiError> {
    let none = || ApiError::new(ErrorCode::NotFound, "this server has no OpenID provider");
    app.oidc.as_ref().ok_or_else(none)
}

fn redirect_uri(app: &App, headers: &HeaderMap) -> String {
    format!(
        "{}{}",
        info::base(app, headers),
        paths::CONSOLE_OIDC_CALLBACK
    )
}

fn failed(failure: Failure) -> Response {
    let place = format!(
        "{}#/login?problem={}",
        paths::CONSOLE_DOCUMENT,
        failure.word()
    );
    Redirect::to(&place).into_response()
}
