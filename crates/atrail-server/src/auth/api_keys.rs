//! API keys that come with requests themselves, in place of an access token.
//!
//! A key is random, so a plain hash verifies it. The server looks a key up once and then caches which requests are the
//! key's; whether the key is still in force is the business of [`super::standings`], as for a login.

mod uses;

use std::net::IpAddr;
use std::sync::Arc;

use atrail_model::{LoginId, Recent, Timestamp};
use atrail_store::{ApiKeyHolder, Identity};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use self::uses::Uses;
use super::secrets::{ApiKeySecret, sha256};
use super::throttle::Attempt;
use crate::app::App;
use crate::error::ApiError;
use crate::metrics::AuthFailure;

/// Number of keys that are cached.
const REMEMBERED: usize = 10_000;

/// The keys that came with requests.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    /// By SHA-256 of the whole key. A key keeps its id for as long as it exists.
    verified: Mutex<Recent<[u8; 32], ApiKeyUser>>,
    uses: Uses,
}

/// The sender of a key.
#[derive(Debug, Clone)]
pub(crate) struct ApiKeyUser {
    /// The id of the requests with the key.
    pub(crate) login: LoginId,
    /// The key's public part.
    pub(crate) key: Arc<str>,
}

impl ApiKeys {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            verified: Mutex::new(Recent::new(REMEMBERED)),
            uses: Uses::new(identity),
        }
    }

    /// Notes that a key was used. The store learns of it within a minute.
    pub(crate) fn used(&self, login: LoginId, now: Timestamp) {
        self.uses.note(login, now);
    }

    /// Stores when keys were last used.
    pub(crate) async fn store_uses(&self) {
        self.uses.store().await;
    }

    /// Stores every minute when keys were last used, until `stop` is cancelled.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        self.uses.store_until(stop).await;
    }
}

/// Returns the sender of the key with this text.
pub(crate) async fn sender(app: &App, text: &str, address: IpAddr) -> Result<ApiKeyUser, ApiError> {
    let hash = sha256(text.as_bytes());
    if let Some(known) = app.api_keys.verified.lock().get(&hash) {
        return Ok(known.clone());
    }
    let attempt = app.throttle.begin_key(address, app.clock.elapsed());
    let Some((key, holder)) = holder_of(app, text, address, attempt).await? else {
        return Err(refused());
    };
    let found = ApiKeyUser {
        login: holder.login,
        key: key.id().into(),
    };
    let mut verified = app.api_keys.verified.lock();
    verified.insert(hash, found.clone(), 1);
    Ok(found)
}

/// Answers for a key that was in force when it was cached, and is not any longer: the server forgets it, so that the next
/// request with it counts as a guess.
pub(crate) fn ended(app: &App, text: &str) -> ApiError {
    let hash = sha256(text.as_bytes());
    app.api_keys.verified.lock().remove(&hash);
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
) -> Result<Option<(ApiKeySecret, ApiKeyHolder)>, ApiError> {
    let found = match ApiKeySecret::parse(text.trim()) {
        None => None,
        Some(key) => match app.identity.api_key_holder(key.id(), app.clock.now()).await {
            Ok(holder) => holder
                .filter(|holder| holder.hash.ct_eq(&key.whole().hash()).into())
                .map(|holder| (key, holder)),
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
    attempt?;
    tracing::warn!(%address, "an API key was refused");
    Ok(None)
}
