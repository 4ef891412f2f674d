//! A repeated event is stored once: in other batches, in another order, later, after a crash, during a seal.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use atrail_model::{Domain, Scope, Target};
use atrail_store::{AppendTotal, NewEvent, StoreSettings};

use crate::support::{TestStore, event, files_below, texts};

const DAY: Duration = Duration::from_secs(86_400);

fn numbered(count: usize) -> Vec<NewEvent> {
    (0..count)
        .map(|number| {
            let hour = u8::try_from(number % 5).unwrap();
            event("2017-07-24", hour, &format!("event-{number}"))
        })
        .collect()
}

impl TestStore {
    async fn append(&self, events: &[NewEvent]) -> AppendTotal {
        let domain = Domain::Space(self.space);
        self.store.append(domain, events.to_vec()).await.unwrap()
    }

    /// Returns every stored line with its number of copies.
    async fn stored(&self) -> BTreeMap<String, usize> {
        let session = self.session(self.scope("2017-01-01", "2017-12-31")).await;
        let mut counts = BTreeMap::new();
        for line in self.lines(session.id).await {
            *counts.entry(line).or_default() += 1;
        }
        self.store
            .delete_session(self.user, session.id)
            .await
            .unwrap();
        counts
    }

    async fn seal(&self) {
        self.stored().await;
    }
}

fn each_once(events: &[NewEvent]) -> BTreeMap<String, usize> {
    texts(events).into_iter().map(|text| (text, 1)).collect()
}

const fn total(stored: u64, duplicates: u64) -> AppendTotal {
    AppendTotal { stored, duplicates }
}

#[tokio::test]
async fn other_batches_and_another_order_store_nothing_twice_sealed_or_not_and_after_a_crash() {
    let test = TestStore::new().await;
    let events = numbered(500);
    let mut backwards = events.clone();
    backwards.reverse();
    assert_eq!(test.append(&events[..300]).await, total(300, 0));
    assert_eq!(test.append(&backwards).await, total(200, 300), "unsealed");
    let test = test.crash_and_reopen().await;
    assert_eq!(test.append(&events).await, total(0, 500), "replayed");
    test.seal().await;
    for chunk in backwards.chunks(7) {
        assert_eq!(test.append(chunk).await.stored, 0, "sealed");
    }
    let test = test.crash_and_reopen().await;
    assert_eq!(test.append(&events).await, total(0, 500), "sealed before");
    let twice = event("2017-07-24", 7, "twice in one request");
    let both = [twice.clone(), twice.clone()];
    assert_eq!(test.append(&both).await, total(1, 1));
    let expected: Vec<_> = events.into_iter().chain([twice]).collect();
    assert_eq!(test.stored().await, each_once(&expected));
}

#[tokio::test]
async fn the_same_bytes_elsewhere_are_another_event() {
    let test = TestStore::new().await;
    let events = numbered(10);
    for _ in 0..2 {
        for domain in [
            Domain::Space(test.space),
            Domain::Space(test.other_space),
            Domain::Account(test.account),
        ] {
            test.store.append(domain, events.clone()).await.unwrap();
        }
        // The second round finds them sealed.
        let scope = Scope {
            target: Target::Account(test.account),
            ..test.scope("2017-07-24", "2017-07-24")
        };
        assert_eq!(test.session(scope).await.events, 30);
    }
}

#[tokio::test]
async fn the_window_ends() {
    let test = TestStore::new().await;
    let events = numbered(20);
    test.append(&events).await;
    test.seal().await;
    test.clock.advance(7 * DAY);
    assert_eq!(test.append(&events).await, total(0, 20), "the last moment");
    test.clock.advance(DAY);
    let dedup = test.data_dir().join("dedup");
    for _ in 0..500 {
        if files_below(&dedup).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(test.append(&events).await, total(20, 0), "after it");
}

#[tokio::test]
async fn without_a_window_everything_sealed_is_forgotten() {
    let test = TestStore::with(|settings: &mut StoreSettings| {
        settings.dedup_window = Duration::ZERO;
    })
    .await;
    let events = numbered(5);
    test.append(&events).await;
    test.seal().await;
    assert_eq!(test.append(&events).await, total(5, 0));
    assert!(files_below(&test.data_dir().join("dedup")).is_empty());
}

/// An acknowledgement states that the event is kept: a deleted event is not, so its repetition is stored again.
#[tokio::test]
async fn a_deleted_event_that_comes_again_is_stored() {
    let test = TestStore::new().await;
    let events = numbered(20);
    test.append(&events).await;
    let scope = test.scope("2017-07-24", "2017-07-24");
    let deleted = test.store.delete_events(scope, "admin", false).await;
    assert_eq!(deleted.unwrap().count, 20);
    assert_eq!(test.append(&events).await, total(20, 0));
    let test = test.crash_and_reopen().await;
    assert_eq!(test.append(&events).await, total(0, 20));
    test.seal().await;
    // The runs of the deleted events do not hide the runs of the new ones.
    assert_eq!(test.append(&events).await, total(0, 20), "sealed again");
    assert_eq!(test.stored().await, each_once(&events));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn senders_that_repeat_each_other_while_sealing_runs_store_each_event_once() {
    let test = TestStore::with(|settings| {
        settings.max_sessions_per_hour = 100_000;
        settings.seal_at_bytes = 16 << 10;
    })
    .await;
    let events = numbered(2_000);
    let domain = Domain::Space(test.space);
    let senders: Vec<_> = (0..4_usize)
        .map(|sender| {
            let (store, events) = (test.store.clone(), events.clone());
            tokio::spawn(async move {
                let (mut stored, mut sent) = (0, 0);
                let step = 5 + sender;
                for chunk in events.chunks(step) {
                    let mut chunk = chunk.to_vec();
                    chunk.rotate_left(sender);
                    sent += chunk.len();
                    stored += store.append(domain, chunk).await.unwrap().stored;
                    // However fast the senders are, the store seals meanwhile.
                    while store.stats().seals.count < sent as u64 / 150 {
                        tokio::task::yield_now().await;
                    }
                }
                stored
            })
        })
        .collect();
    let ends = AtomicBool::new(false);
    let sealer = async {
        while !ends.load(Ordering::Relaxed) {
            test.session(test.scope("2017-07-24", "2017-07-24")).await;
            let open = test.store.sessions(test.user, None).await.unwrap();
            for session in open {
                let id = session.id;
                test.store.delete_session(test.user, id).await.unwrap();
            }
        }
    };
    let count = async {
        let mut stored = 0;
        for sender in senders {
            stored += sender.await.unwrap();
        }
        ends.store(true, Ordering::Relaxed);
        stored
    };
    let (stored, ()) = tokio::join!(count, sealer);
    assert_eq!(stored, 2_000);
    assert!(
        test.store.stats().seals.count > 10,
        "the control: it was sealed meanwhile"
    );
    assert_eq!(test.stored().await, each_once(&events));
}

/// Each deletion of an event leaves a run that names a missing segment.
#[tokio::test]
async fn what_is_sent_again_after_a_deletion_is_stored_once_too() {
    let test = TestStore::new().await;
    let events = numbered(300);
    let scope = test.scope("2017-07-24", "2017-07-24");
    for round in 0..10 {
        assert_eq!(test.append(&events).await, total(300, 0), "round {round}");
        test.seal().await;
        assert_eq!(test.append(&events).await, total(0, 300), "round {round}");
        assert_eq!(test.stored().await, each_once(&events));
        if round == 8 {
            // By now the runs are merged, or soon will be.
            tokio::time::sleep(Duration::from_millis(1500)).await;
            assert_eq!(test.append(&events).await, total(0, 300), "merged");
        }
        let deleted = test.store.delete_events(scope, "ann", false).await.unwrap();
        assert_eq!(deleted.count, 300);
    }
}
