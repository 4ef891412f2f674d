//! Caches the API keys that came with requests themselves, and when they were last used.

mod uses;

use std::sync::Arc;

use atrail_model::{LoginId, Recent, Timestamp};
use atrail_store::Identity;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use self::uses::Uses;
use super::secrets::sha256;

/// Number of keys that are cached.
const REMEMBERED: usize = 10_000;

/// The keys that came with requests.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    /// What is known of a key, by SHA-256 of the whole key.
    verified: Mutex<Recent<[u8; 32], Known>>,
    uses: Uses,
}

/// What is known of a key that came with a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The id of the requests with the key.
    pub(super) login: LoginId,
    /// Until when this secret works, if a rotation has replaced it.
    pub(super) until: Option<Timestamp>,
    /// How often identity had changed before this was read; it counts while that number is the same.
    pub(super) changes: u64,
}

impl ApiKeys {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            verified: Mutex::new(Recent::new(REMEMBERED)),
            uses: Uses::new(identity),
        }
    }

    /// Returns the id of the requests with the key with this text, if it is cached.
    pub(super) fn login_of(&self, text: &str, now: Timestamp, changes: u64) -> Option<LoginId> {
        let known = self.verified.lock().get(&hash_of(text)).copied();
        let known = known.filter(|known| known.changes == changes);
        let known = known.filter(|known| known.until.is_none_or(|until| now < until));
        known.map(|known| known.login)
    }

    /// Caches what is known of this key.
    pub(super) fn verified(&self, text: &str, known: Known) {
        self.verified.lock().insert(hash_of(text), known, 1);
    }

    /// Forgets a key that is not in force any longer.
    pub(super) fn forget(&self, text: &str) {
        self.verified.lock().remove(&hash_of(text));
    }

    /// Notes that a key was used. The store learns of it within a minute.
    pub(crate) fn used(&self, login: LoginId, now: Timestamp) {
        self.uses.note(login, now);
    }

    /// Stores when keys were last used.
    pub(crate) async fn store_uses(&self) {
        self.uses.store().await;
    }

    /// The same for a request that shows it: its client may hang up, and no use may be lost with it.
    pub(crate) async fn store_uses_to_the_end(self: &Arc<Self>) {
        let keys = Arc::clone(self);
        let _ = tokio::spawn(async move { keys.store_uses().await }).await;
    }

    /// Stores every minute when keys were last used, until `stop` is cancelled.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        self.uses.store_until(stop).await;
    }
}

/// Returns the hash of a key; blanks around it do not count.
fn hash_of(text: &str) -> [u8; 32] {
    sha256(text.trim().as_bytes())
}
