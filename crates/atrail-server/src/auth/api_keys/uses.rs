//! When keys were last used: kept in memory, and stored together once a minute.

use std::collections::HashMap;
use std::time::Duration;

use atrail_model::{LoginId, Timestamp};
use atrail_store::Identity;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// Time between two changes of the catalog.
const STORED_EVERY: Duration = Duration::from_secs(60);
/// Number of keys whose use waits to be stored. The uses of others are not stored until the next minute.
const CAPACITY: usize = 10_000;

/// The uses that are not stored yet.
#[derive(Debug)]
pub(super) struct Uses {
    identity: Identity,
    waiting: Mutex<HashMap<LoginId, Timestamp>>,
}

impl Uses {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            identity,
            waiting: Mutex::new(HashMap::new()),
        }
    }

    /// Notes a use. It costs no change of the catalog.
    pub(super) fn note(&self, login: LoginId, now: Timestamp) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < CAPACITY || waiting.contains_key(&login) {
            let last = waiting.entry(login).or_insert(now);
            *last = now.max(*last);
        }
    }

    /// Stores the uses. Those that cannot be stored wait for the next time.
    pub(super) async fn store(&self) {
        let uses: Vec<_> = self.waiting.lock().drain().collect();
        if uses.is_empty() {
            return;
        }
        if let Err(error) = self.identity.note_key_uses(&uses).await {
            tracing::error!(%error, "cannot store when API keys were last used: trying again in a minute");
            for (login, at) in uses {
                self.note(login, at);
            }
        }
    }

    /// Stores the uses every minute, until `stop` is cancelled.
    pub(super) async fn store_until(&self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(STORED_EVERY))
            .await
            .is_some()
        {
            self.store().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use atrail_model::ManualClock;
    use atrail_store::{Store, StoreSettings};

    use super::*;

    #[tokio::test]
    async fn uses_wait_for_their_minute_in_bounded_memory() {
        let dir = tempfile::tempdir().unwrap();
        let date: Timestamp = "2017-07-25T10:00:00Z".parse().unwrap();
        let settings = StoreSettings::new(dir.path().join("data"));
        let store = Store::open_dir(settings, Arc::new(ManualClock::new(date))).await;
        let store = store.unwrap();
        let uses = Uses::new(store.catalog().identity());
        let login = LoginId::generate();
        let later = date + Duration::from_secs(5);
        for at in [date, later, date] {
            uses.note(login, at);
        }
        assert_eq!(*uses.waiting.lock(), HashMap::from([(login, later)]));
        for _ in 0..CAPACITY {
            uses.note(LoginId::generate(), date);
        }
        assert_eq!(uses.waiting.lock().len(), CAPACITY);
        uses.note(login, later + Duration::from_secs(5));
        let known = uses.waiting.lock().get(&login).copied();
        assert_eq!(known, Some(later + Duration::from_secs(5)));
        uses.store().await;
        assert!(uses.waiting.lock().is_empty());
    }
}
