//! Verifies API keys: those that come with requests themselves, in place of an access token, and those that begin logins.
//!
//! A key is random, so a plain hash verifies it. The server looks a key up once and then caches which requests are the
//! key's; whether the key is still in force is the business of [`super::standings`], as for a login.

use std::net::IpAddr;

use atrail_model::{LoginId, Timestamp};
use atrail_store::ApiKeyHolder;
use subtle::ConstantTimeEq;

use super::api_keys::Known;
use super::secrets::ApiKeySecret;
use super::throttle::{Attempt, slowly_refused};
use crate::app::App;
use crate::error::ApiError;
use crate::metrics::AuthFailure;

/// Returns the id of the requests with the key with this text.
pub(crate) async fn login_of(app: &App, text: &str, address: IpAddr) -> Result<LoginId, ApiError> {
    // Before the lookup, so that a change after it is noticed.
    let changes = app.identity.changes();
    if let Some(login) = app.api_keys.login_of(text, app.clock.now(), changes) {
        return Ok(login);
    }
    let attempt = app.throttle.begin_key(address, app.clock.elapsed());
    let Some(Verified { holder, until, .. }) = holder_of(app, text, address, attempt).await? else {
        app.api_keys.forget(text);
        return Err(refused());
    };
    let known = Known {
        login: holder.login,
        until,
        changes,
    };
    app.api_keys.verified(text, known);
    Ok(holder.login)
}

/// A key that was sent, and its holder.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) key: ApiKeySecret,
    pub(crate) holder: ApiKeyHolder,
    /// Until when this secret of the key works, if a rotation has replaced it.
    until: Option<Timestamp>,
}

impl Verified {
    /// Returns the key with this text, if it is a secret of the key of this holder that works.
    fn of(key: ApiKeySecret, holder: ApiKeyHolder, now: Timestamp) -> Option<Self> {
        let hash = key.whole().hash();
        let until = if holder.hash.ct_eq(&hash).into() {
            None
        } else {
            let (previous, until) = holder.previous?;
            let works = bool::from(previous.ct_eq(&hash)) && until > now;
            Some(works.then_some(until)?)
        };
        Some(Self { key, holder, until })
    }
}

/// Answers for a key that was in force when it was cached, and is not any longer: the server forgets it, so that the next
/// request with it counts as a guess.
pub(crate) fn ended(app: &App, text: &str) -> ApiError {
    app.api_keys.forget(text);
    app.metrics.auth_failed(AuthFailure::ApiKey);
    refused()
}

fn refused() -> ApiError {
    ApiError::unauthenticated("the API key is not valid, or has expired or been deleted")
}

/// Returns the key with this text and its holder; `None` when the text is no key that is in force. A wrong text is a failed
/// attempt, or waits if the attempt must. A valid key never waits: nobody guesses one, and the failures of others must not
/// lock its holder out.
pub(crate) async fn holder_of(
    app: &App,
    text: &str,
    address: IpAddr,
    attempt: Result<Attempt<'_>, ApiError>,
) -> Result<Option<Verified>, ApiError> {
    let found = match ApiKeySecret::parse(text.trim()) {
        None => None,
        Some(key) => match app.identity.api_key_holder(key.id(), app.clock.now()).await {
            Ok(holder) => holder.and_then(|holder| Verified::of(key, holder, app.clock.now())),
            Err(error) => {
                if let Ok(attempt) = attempt {
                    attempt.not_made();
                }
                return Err(error.into());
            }
        },
    };
    if found.is_some() {
        if let Ok(attempt) = attempt {
            attempt.succeeded();
        }
        return Ok(found);
    }
    app.metrics.auth_failed(AuthFailure::ApiKey);
    slowly_refused(attempt).await?;
    tracing::warn!(%address, "an API key was refused");
    Ok(None)
}
