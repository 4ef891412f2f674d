//! Ingest keys at work: what they were used for, and the secrets that sign.

mod hmac;
mod signing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use atrail_model::{LoginId, Timestamp};
use atrail_store::{Identity, IngestCounts, IngestUse, Secrets};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::auth::principal::IngestCaller;
pub(crate) use signing::{Signing, SigningError};

/// Time between two changes of the catalog.
const STORED_EVERY: Duration = Duration::from_secs(60);
/// Number of keys whose uses wait to be stored: more than a server has.
const CAPACITY: usize = 100_000;

/// What the server keeps about ingest keys in memory.
#[derive(Debug)]
pub(crate) struct IngestKeys {
    identity: Identity,
    pub(crate) signing: Signing,
    waiting: Mutex<HashMap<LoginId, IngestUse>>,
}

impl IngestKeys {
    pub(crate) fn new(identity: Identity, secrets: Arc<dyn Secrets>) -> Self {
        Self {
            identity,
            signing: Signing::new(secrets),
            waiting: Mutex::default(),
        }
    }

    /// Notes that a request carried a key. The store learns of it within a minute.
    pub(crate) fn used(&self, login: LoginId, now: Timestamp) {
        self.note(
            login,
            IngestUse {
                used: Some(now),
                ..IngestUse::default()
            },
        );
    }

    /// Counts what the server did with the events of a request, once they are durable. A request without an ingest key
    /// counts for none.
    pub(crate) fn received(
        &self,
        caller: Option<&IngestCaller>,
        counts: IngestCounts,
        now: Timestamp,
    ) {
        let Some(caller) = caller else { return };
        let received = (counts.accepted > 0).then_some(now);
        self.note(
            caller.login,
            IngestUse {
                used: Some(now),
                received,
                counts,
            },
        );
    }

    fn note(&self, login: LoginId, one: IngestUse) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < CAPACITY || waiting.contains_key(&login) {
            waiting.entry(login).or_default().add(one);
        }
    }

    /// Stores the uses. Those that cannot be stored wait for the next time.
    pub(crate) async fn store_uses(&self) {
        let mut uses: Vec<_> = self.waiting.lock().drain().collect();
        if let Err(error) = self.identity.note_ingest_uses(&mut uses).await {
            tracing::error!(%error, "cannot store the uses of ingest keys: trying again in a minute");
            for (login, one) in uses {
                self.note(login, one);
            }
        }
    }

    /// Stores the uses every minute, until `stop` is cancelled.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let minute = || tokio::time::sleep(STORED_EVERY);
        while stop.run_until_cancelled(minute()).await.is_some() {
            self.store_uses().await;
        }
    }
}
