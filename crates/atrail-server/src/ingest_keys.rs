//! Ingest keys at work: what they were used for, and the secrets that sign.

mod hmac;
mod signing;
mod silence;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use atrail_model::{Clock, LoginId, Timestamp};
use atrail_store::{
    Identity, IngestCounts, IngestKey, IngestUse, KeyReach, Result, Secrets, Store,
};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::audit::Audit;
use crate::auth::principal::IngestCaller;
use crate::metrics::senders::{Sender, Senders};
pub(crate) use signing::{Signing, SigningError};
use silence::Now;

/// Time between two changes of the catalog.
const STORED_EVERY: Duration = Duration::from_secs(60);
/// Number of keys at most that the metrics show.
const SHOWN: usize = 1000;
/// Time between two looks at who is silent.
const LOOKED_EVERY: Duration = Duration::from_secs(1);
/// Number of keys whose uses wait to be stored: more than a server has.
const CAPACITY: usize = 100_000;

/// What the server keeps about ingest keys in memory.
#[derive(Debug)]
pub(crate) struct IngestKeys {
    identity: Identity,
    pub(crate) signing: Signing,
    uses: Mutex<Uses>,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Default)]
struct Uses {
    /// Those that are not stored yet.
    waiting: HashMap<LoginId, IngestUse>,
    /// Those since the process started.
    all: HashMap<LoginId, IngestUse>,
}

/// The keys as they were when identity had changed so often.
#[derive(Debug, Clone)]
struct Known {
    changes: u64,
    keys: Arc<Vec<IngestKey>>,
}

impl IngestKeys {
    pub(crate) fn new(identity: Identity, secrets: Arc<dyn Secrets>) -> Self {
        Self {
            identity,
            signing: Signing::new(secrets),
            uses: Mutex::default(),
            known: Mutex::default(),
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
        let mut uses = self.uses.lock();
        let Uses { waiting, all } = &mut *uses;
        for map in [waiting, all] {
            if map.len() < CAPACITY || map.contains_key(&login) {
                map.entry(login).or_default().add(one);
            }
        }
    }

    /// Returns the keys.
    async fn keys(&self) -> Result<Arc<Vec<IngestKey>>> {
        let changes = self.identity.changes();
        let known = self.known.lock().clone();
        if let Some(known) = known.filter(|known| known.changes == changes) {
            return Ok(known.keys);
        }
        let keys = self.identity.ingest_keys(KeyReach::All, None).await?;
        let logins: std::collections::HashSet<_> = keys.iter().map(|key| key.login).collect();
        self.uses
            .lock()
            .all
            .retain(|login, _| logins.contains(login));
        let keys = Arc::new(keys);
        *self.known.lock() = Some(Known {
            changes,
            keys: Arc::clone(&keys),
        });
        Ok(keys)
    }

    /// Returns the figures of the senders; with those of each of the keys that were used last, at most a thousand. When the
    /// catalog does not answer, there are none.
    pub(crate) async fn senders(&self, with_each: bool) -> Senders {
        let Ok(keys) = self.keys().await else {
            return Senders::default();
        };
        let mut each = Vec::new();
        if with_each {
            let uses = self.uses.lock();
            each.extend(keys.iter().map(|key| {
                let since = uses.all.get(&key.login).copied().unwrap_or_default();
                Sender {
                    key: key.id.clone(),
                    received: since.received.max(key.received),
                    counts: since.counts,
                    silent: key.silent_since.is_some(),
                }
            }));
        }
        each.sort_by_key(|sender| std::cmp::Reverse(sender.received));
        each.truncate(SHOWN);
        Senders {
            keys: keys.len(),
            silent: keys.iter().filter(|key| key.silent_since.is_some()).count(),
            each,
        }
    }

    /// Makes the next look read the keys again: their state changed, which counts as no change of identity.
    fn look_again(&self) {
        *self.known.lock() = None;
    }

    /// Returns when the last event of a key came.
    fn last_received(&self, key: &IngestKey) -> Option<Timestamp> {
        let since = self
            .uses
            .lock()
            .all
            .get(&key.login)
            .and_then(|one| one.received);
        since.max(key.received)
    }

    /// Stores the uses. Those that cannot be stored wait for the next time.
    pub(crate) async fn store_uses(&self) {
        let mut uses: Vec<_> = self.uses.lock().waiting.drain().collect();
        if let Err(error) = self.identity.note_ingest_uses(&mut uses).await {
            tracing::error!(%error, "cannot store the uses of ingest keys: trying again in a minute");
            let waiting = &mut self.uses.lock().waiting;
            for (login, one) in uses {
                waiting.entry(login).or_default().add(one);
            }
        }
    }

    /// The same for a request that shows them: its client may hang up, and no use may be lost with it.
    pub(crate) async fn store_uses_to_the_end(self: &Arc<Self>) {
        let keys = Arc::clone(self);
        let _ = tokio::spawn(async move { keys.store_uses().await }).await;
    }

    /// Stores the uses every minute, and records who falls silent and who comes back, until `stop` is cancelled.
    pub(crate) async fn run(
        self: Arc<Self>,
        (store, audit, clock): (Store, Arc<Audit>, Arc<dyn Clock>),
        stop: CancellationToken,
    ) {
        let started = clock.elapsed();
        let mut stored = std::time::Instant::now();
        let pause = || tokio::time::sleep(LOOKED_EVERY);
        while stop.run_until_cancelled(pause()).await.is_some() {
            if stored.elapsed() >= STORED_EVERY {
                stored = std::time::Instant::now();
                self.store_uses().await;
            }
            // A clock that jumped makes nobody silent.
            if store.time().disagreement.is_none() {
                let now = clock.moment();
                let now = Now {
                    date: now.date,
                    running: now.elapsed.since(started),
                };
                self.note_turns(&audit, now).await;
            }
        }
    }
}
