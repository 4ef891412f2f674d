//! The server's own events: records of actions on the archive. They are accepted like all events, but a log that
//! refuses events does not stop them, because then nobody could read or delete any more: they wait in the catalog, on a
//! full disk in the reserve, until the log accepts events again.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use atrail_disk::{Result, StoreError};
use atrail_model::Domain;
use atrail_wal::NewEvent;

use crate::Store;
use crate::core::Core;

/// Number of events taken from the catalog at a time.
const AT_ONCE: u32 = 256;

impl Store {
    /// Makes an event about the use of the archive durable. It must have an `id`, so that it is stored once.
    ///
    /// # Errors
    /// When neither the log nor the catalog accepts it: as for [`Self::append`], but for a full disk only when even the
    /// reserve has no room.
    pub async fn append_own(&self, domain: Domain, event: NewEvent) -> Result<()> {
        let core = &self.core;
        let _open = core.closing.enter(domain)?;
        match self.append_to_open(domain, vec![event.clone()]).await {
            // A log that failed may have the event nevertheless: it is stored once, however often it arrives.
            Err(StoreError::Full(_) | StoreError::Poisoned(_)) => {}
            outcome => return outcome.map(drop),
        }
        let domains = core.catalog.domain_rows().await?;
        let row = domains.get(&domain).ok_or_else(|| StoreError::NotFound {
            what: domain.to_string(),
        })?;
        core.with_reserve(|| core.catalog.set_aside(row.number, &event))
            .await?;
        core.sets_aside.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Appends the events that wait in the catalog, once the log accepts events.
    ///
    /// # Errors
    /// The first failure. Only events that could not be appended continue to wait, together with later ones of their
    /// domains.
    pub(crate) async fn take_in_waiting(&self) -> Result<()> {
        let core = &self.core;
        // Cleared before the check: a caller that sets something aside afterwards sets the mark again.
        if core.journal.refusal().is_some() || !core.sets_aside.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let taken = self.take_in_all().await;
        if taken.is_err() {
            core.sets_aside.store(true, Ordering::Relaxed);
        }
        taken
    }

    async fn take_in_all(&self) -> Result<()> {
        let core = &self.core;
        let mut failed = HashSet::new();
        let mut first = None;
        let mut after = i64::MIN;
        loop {
            let waiting = core.catalog.waiting(after, AT_ONCE).await?;
            let Some(last) = waiting.last().map(|last| last.place) else {
                break;
            };
            after = last;
            let mut stored = Vec::with_capacity(waiting.len());
            for one in waiting {
                if failed.contains(&one.domain) {
                    continue;
                }
                match self.take_in(one.domain, one.event).await {
                    Ok(()) => stored.push(one.place),
                    Err(error) => {
                        failed.insert(one.domain);
                        first.get_or_insert(error);
                    }
                }
                if core.journal.refusal().is_some() {
                    break;
                }
            }
            core.catalog.forget_waiting(&stored).await?;
            if let Some(refusal) = core.journal.refusal() {
                return Err(first.unwrap_or(refusal));
            }
        }
        first.map_or(Ok(()), Err)
    }

    async fn take_in(&self, domain: Domain, event: NewEvent) -> Result<()> {
        let _open = self.core.closing.enter(domain)?;
        self.append_to_open(domain, vec![event]).await.map(drop)
    }
}

impl Core {
    /// Checks whether an earlier process left waiting events.
    pub(crate) async fn look_for_waiting(&self) -> Result<()> {
        let is_any = !self.catalog.waiting(i64::MIN, 1).await?.is_empty();
        self.sets_aside.store(is_any, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use atrail_evidence::leaf_hash;
    use atrail_model::{AccountId, Clock, Day, DayRange, Hour, Hours, ManualClock, Scope, Target};
    use bytes::Bytes;

    use super::*;
    use crate::StoreSettings;
    use atrail_disk::ErrorKind;

    struct Fixture {
        store: Store,
        account: AccountId,
        settings: StoreSettings,
        clock: Arc<ManualClock>,
        _dir: tempfile::TempDir,
    }

    impl Fixture {
        async fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let mut settings = StoreSettings::new(dir.path().join("data"));
            settings.reserve_bytes = 1 << 20;
            let now = "2017-07-25T10:00:00Z".parse().unwrap();
            let clock = Arc::new(ManualClock::new(now));
            let store = Store::open_dir(settings.clone(), clock.clone())
                .await
                .unwrap();
            let account = store
                .tenancy()
                .create_account("acme", now)
                .await
                .unwrap()
                .id;
            Self {
                store,
                account,
                settings,
                clock,
                _dir: dir,
            }
        }

        fn domain(&self) -> Domain {
            Domain::Account(self.account)
        }

        /// Writes events until one had to wait; returns how many there are. The store may detect free space on its own
        /// at any moment.
        async fn set_some_aside(&self) -> u64 {
            let core = &self.store.core;
            for number in 1.. {
                core.journal.note_full();
                // Twice, as for a caller that got no answer to the first try.
                for _ in 0..2 {
                    let own = self.store.append_own(self.domain(), event(number));
                    own.await.unwrap();
                }
                if core.sets_aside.load(Ordering::Relaxed) {
                    return number;
                }
            }
            unreachable!("the numbers have no end")
        }

        async fn restart(self) -> Self {
            let Self {
                store,
                account,
                settings,
                clock,
                _dir,
            } = self;
            store.close().await.unwrap();
            drop(store);
            // The last task of the dropped store releases the lock, perhaps a moment later.
            let store = loop {
                match Store::open_dir(settings.clone(), clock.clone()).await {
                    Ok(store) => break store,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            Self {
                store,
                account,
                settings,
                clock,
                _dir,
            }
        }

        async fn count(&self) -> u64 {
            let scope = Scope {
                target: Target::Account(self.account),
                days: DayRange::new(Day::FIRST, Day::LAST).unwrap(),
                hours: Hours::ALL,
            };
            let days = self.store.status(scope).await.unwrap();
            days.iter().map(|day| day.count).sum()
        }

        async fn waiting(&self) -> usize {
            let catalog = &self.store.core.catalog;
            catalog.waiting(i64::MIN, 100).await.unwrap().len()
        }

        /// Waits until no event waits any longer.
        async fn taken_in(&self) {
            while self.waiting().await > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    fn event(number: u64) -> NewEvent {
        let line = Bytes::from(format!(
            "{{\"id\":\"{number}\",\"eventTime\":\"2017-07-25T09:00:00Z\"}}"
        ));
        NewEvent {
            day: "2017-07-25".parse().unwrap(),
            hour: Hour::new(9).unwrap(),
            leaf: leaf_hash(&line),
            line,
        }
    }

    #[tokio::test]
    async fn while_the_log_is_full_an_own_event_waits_and_is_stored_once() {
        let fixture = Fixture::new().await;
        // The control: events of other senders are refused.
        let mut refused = None;
        while refused.is_none() {
            fixture.store.core.journal.note_full();
            let sent = fixture.store.append(fixture.domain(), vec![event(0)]);
            refused = sent.await.err();
        }
        assert_eq!(refused.unwrap().kind(), ErrorKind::Full);
        let before = fixture.count().await;
        let own = fixture.set_some_aside().await;
        fixture.taken_in().await;
        assert_eq!(fixture.count().await, before + own);
        fixture.store.close().await.unwrap();
    }

    #[tokio::test]
    async fn what_waits_is_taken_in_after_a_restart() {
        let fixture = Fixture::new().await;
        let own = fixture.set_some_aside().await;
        let fixture = fixture.restart().await;
        fixture.taken_in().await;
        assert_eq!(fixture.count().await, own);
        fixture.store.close().await.unwrap();
    }

    #[tokio::test]
    async fn an_event_of_a_domain_that_is_not_there_is_an_error_on_a_full_log() {
        let fixture = Fixture::new().await;
        let nowhere = Domain::Account(AccountId::generate());
        let mut refused = None;
        for number in 0.. {
            fixture.store.core.journal.note_full();
            refused = fixture.store.append_own(nowhere, event(number)).await.err();
            if refused.is_some() {
                break;
            }
        }
        assert_eq!(refused.unwrap().kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn what_cannot_be_taken_in_keeps_nobody_elses_waiting() {
        let fixture = Fixture::new().await;
        let core = &fixture.store.core;
        let tenancy = fixture.store.tenancy();
        let other = tenancy.create_account("other", fixture.clock.now());
        let other = Domain::Account(other.await.unwrap().id);
        let closed = core.closing.close(HashSet::from([other])).await;
        let rows = core.catalog.domain_rows().await.unwrap();
        for (domain, number) in [(other, 1), (fixture.domain(), 2), (other, 3)] {
            let number = event(number);
            let row = rows[&domain].number;
            core.catalog.set_aside(row, &number).await.unwrap();
        }
        core.sets_aside.store(true, Ordering::Relaxed);
        let taken = tokio::time::timeout(Duration::from_secs(60), async {
            while fixture.waiting().await > 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        taken.await.unwrap();
        assert_eq!(fixture.count().await, 1);
        // The control: the event is appended as soon as possible.
        drop(closed);
        fixture.taken_in().await;
    }
}
