//! Logins of browsers: a request with a cookie in place of a token.
//!
//! A cookie comes with requests that pages of other sites make, so it counts under the rules of [`rules`] alone, on the
//! routes that the console calls (`routes::BY_COOKIE`), and only without any other credential.

pub(crate) mod cookie;
pub(crate) mod own_origins;
pub(crate) mod rules;

use std::time::Duration;

use atrail_model::{Elapsed, LoginId, Moment, Recent, Timestamp};
use atrail_store::BrowserLogin;
use axum::http::request::Parts;
use parking_lot::Mutex;

use super::secrets::sha256;
use crate::app::App;
use crate::error::ApiError;
use crate::metrics::AuthFailure;
use atrail_api::ErrorCode;

/// Number of logins that are cached.
const REMEMBERED: usize = 10_000;
/// The catalog learns of a login's use at most this often.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// How a route treats a cookie. A route without this treats it as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByCookie {
    /// It counts, and the request is a use of the login.
    Use,
    /// It counts, and the request is no use of the login: the console asks by itself.
    Look,
    /// It counts, also when the browser resumes a download by itself.
    Download,
    /// It counts while the login is fresh.
    Fresh,
}

/// The logins of browsers.
#[derive(Debug)]
pub(crate) struct Browsers {
    /// By SHA-256 of the cookie's value. Whether a login is still in force is the business of [`super::standings`].
    known: Mutex<Recent<[u8; 32], BrowserLogin>>,
    /// When the catalog last learnt of a login's use.
    noted: Mutex<Recent<LoginId, Elapsed>>,
}

impl Browsers {
    pub(crate) fn new() -> Self {
        Self {
            known: Mutex::new(Recent::new(REMEMBERED)),
            noted: Mutex::new(Recent::new(REMEMBERED)),
        }
    }
}

/// Returns the login of a request's cookie; `None` when the request has no cookie that counts on this route. Refuses a
/// request that breaks the rules.
pub(crate) async fn login_of(
    app: &App,
    parts: &Parts,
    now: Moment,
) -> Result<Option<BrowserLogin>, ApiError> {
    if !app.settings.console.is_served() {
        return Ok(None);
    }
    let Some(by_cookie) = parts.extensions.get::<ByCookie>().copied() else {
        return Ok(None);
    };
    let Some(value) = cookie::sent(&app.settings, &parts.headers) else {
        return Ok(None);
    };
    rules::check(&app.settings, &parts.method, &parts.headers, by_cookie)?;
    let found = of_cookie(app, value, now.date).await?;
    let found = found.ok_or_else(|| ended(app))?;
    if by_cookie == ByCookie::Fresh && now.date >= fresh_until(app, &found) {
        return Err(ApiError::new(
            ErrorCode::FreshLoginRequired,
            "this change wants a fresh login: log in again, and repeat it",
        ));
    }
    Ok(Some(found))
}

/// Returns the login of the cookie with this value, if there is one that may be in force.
pub(crate) async fn of_cookie(
    app: &App,
    value: &str,
    now: Timestamp,
) -> Result<Option<BrowserLogin>, ApiError> {
    let hash = sha256(value.as_bytes());
    if let Some(known) = app.browsers.known.lock().get(&hash) {
        return Ok(Some(*known));
    }
    let Some(found) = app.identity.browser_login(hash, now).await? else {
        return Ok(None);
    };
    app.browsers.known.lock().insert(hash, found, 1);
    Ok(Some(found))
}

/// Answers for a cookie whose login has ended.
pub(crate) fn ended(app: &App) -> ApiError {
    app.metrics.auth_failed(AuthFailure::Cookie);
    ApiError::unauthenticated("your login has ended: log in again")
}

/// Returns until when a login is fresh: from when its user proved who they are. One of a provider that does not say when
/// that was is not fresh at all.
pub(crate) fn fresh_until(app: &App, login: &BrowserLogin) -> Timestamp {
    let Some(proven) = login.proven else {
        return login.began.min(login.ends);
    };
    let fresh = proven.checked_add(app.settings.console.fresh_ttl);
    fresh.unwrap_or(Timestamp::MAX).min(login.ends)
}

/// Notes that a login was used, so that it lives on. A failure costs its user a login, and is logged.
pub(crate) async fn used(app: &App, login: LoginId, now: Moment) {
    let idle_ttl = app.settings.console.idle_ttl;
    {
        let mut noted = app.browsers.noted.lock();
        let every = NOTE_EVERY.min(idle_ttl / 10);
        if noted
            .get(&login)
            .is_some_and(|last| now.elapsed.since(*last) < every)
        {
            return;
        }
        noted.insert(login, now.elapsed, 1);
    }
    let expires = now.date.checked_add(idle_ttl).unwrap_or(Timestamp::MAX);
    let identity = &app.identity;
    if let Err(error) = identity.keep_browser_login(login, now.date, expires).await {
        app.browsers.noted.lock().remove(&login);
        tracing::warn!(%error, "cannot note that a browser's login was used");
    }
    app.standings.forget(login);
}
