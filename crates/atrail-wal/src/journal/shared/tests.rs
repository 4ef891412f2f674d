//! Two nodes with one log. Each promise is tested on a sound log; the control: logs that each break one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use parking_lot::Mutex;

use super::memory::{Fault, Lost, MemorySharedLog};
use super::*;
use crate::journal::conformance::{
    Bed, RECENT_BYTES, SEAL_AT_BYTES, append, clock, count_above, event, space, take,
};
use crate::journal::memory::Failure;

/// What a node learned of the seals of others.
#[derive(Debug, Default)]
struct Learned(Mutex<HashMap<Domain, u64>>);

impl SealedElsewhere for Learned {
    fn learn<'a>(&'a self, sealed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Result<()>> {
        self.0.lock().extend(sealed_to);
        async { Ok(()) }.boxed()
    }
}

async fn open(log: &MemorySharedLog) -> (SharedJournal, Arc<Learned>) {
    let learned = Arc::new(Learned::default());
    let elsewhere: Arc<dyn SealedElsewhere> = Arc::<Learned>::clone(&learned);
    let new = NewSharedJournal {
        log: Arc::new(log.node()),
        elsewhere,
        seal_at_bytes: SEAL_AT_BYTES,
        recent_bytes: RECENT_BYTES,
        clock: clock(),
        counters: Arc::default(),
    };
    (SharedJournal::open(new).await.unwrap(), learned)
}

impl Bed for MemorySharedLog {
    fn open<'a>(&'a self, sealed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Arc<dyn Journal>> {
        async move {
            self.set_sealed_to(sealed_to);
            let journal: Arc<dyn Journal> = Arc::new(open(self).await.0);
            journal
        }
        .boxed()
    }

    fn fail(&self, failure: Option<Failure>) {
        Self::fail(self, failure);
    }

    fn holds(&self, bytes: &[u8]) -> bool {
        Self::holds(self, bytes)
    }
}

/// Counts as a node does that has caught up.
async fn count(journal: &SharedJournal, domain: Domain, above: u64) -> u64 {
    journal.catch_up().await.unwrap();
    count_above(journal, domain, above).unwrap()
}

async fn each_event_is_stored_once_whoever_takes_it(log: MemorySharedLog) {
    let nodes = [Arc::new(open(&log).await.0), Arc::new(open(&log).await.0)];
    let mut senders = Vec::new();
    for n in 0..24_u32 {
        let nodes = nodes.clone();
        senders.push(tokio::spawn(async move {
            let mut new = [0; 2];
            for round in 0..4_u32 {
                let own = &nodes[((n + round) % 2) as usize];
                let other = &nodes[((n + round + 1) % 2) as usize];
                for (nth, new) in (0..2_u8).zip(&mut new) {
                    let begin = n * 2 + round * 5;
                    *new += 8 - append(&**own, space(nth), begin..begin + 8).await;
                    // Exact on the other one too, at once.
                    let there = count(other, space(nth), 0).await;
                    assert!(there >= 8, "{there}");
                }
            }
            new
        }));
    }
    let mut new = [0; 2];
    for sender in senders {
        let more = sender.await.unwrap();
        new = [new[0] + more[0], new[1] + more[1]];
    }
    // From 0 to the last of the last sender.
    let all = 23 * 2 + 3 * 5 + 8;
    assert_eq!(new, [all; 2]);
    for node in &nodes {
        for nth in 0..2 {
            assert_eq!(count(node, space(nth), 0).await, all);
        }
    }
    // Both have them in one order.
    let lines = |node: &SharedJournal| {
        let taken = take(node, &[space(0), space(1)]);
        let all: Vec<_> = taken
            .iter()
            .map(|(domain, one)| (*domain, one.hours.clone()))
            .collect();
        format!("{all:?}")
    };
    assert_eq!(lines(&nodes[0]), lines(&nodes[1]));
}

async fn a_lost_answer_is_asked_for_until_it_is_known(log: MemorySharedLog) {
    let (node, _) = open(&log).await;
    let (other, _) = open(&log).await;
    let mut all = 0;
    for lost in [
        Lost::Answers(1),
        Lost::Requests(1),
        Lost::Answers(3),
        Lost::Requests(2),
    ] {
        log.lose(lost);
        let new = append(&node, space(1), all..all + 5).await;
        assert_eq!(new, 0, "they are new: {lost:?}");
        all += 5;
        for node in [&node, &other] {
            assert_eq!(count(node, space(1), 0).await, u64::from(all), "{lost:?}");
        }
    }
    drop(node);
    let (node, _) = open(&log).await;
    assert_eq!(count(&node, space(1), 0).await, u64::from(all));
}

async fn what_one_seals_leaves_the_other_once_it_is_learned(log: MemorySharedLog) {
    let (one, _) = open(&log).await;
    let (other, learned) = open(&log).await;
    append(&one, space(1), 0..3).await;
    append(&one, space(2), 0..2).await;
    append(&other, space(1), 3..5).await;
    let both = [&one, &other];
    for node in both {
        assert_eq!(count(node, space(1), 0).await, 5);
    }
    let taken = take(&one, &[space(1)]);
    let portion = &taken[0].1;
    let (after, to) = (portion.after, portion.last_sequence);
    // The other one has claimed it too: its claim is a lost one.
    let late = take(&other, &[space(1)]);
    append(&other, space(1), 5..7).await;
    assert!(log.seal(space(1), after, to));
    // Both places have it now.
    for node in both {
        assert_eq!(count(node, space(1), to).await, 2);
    }
    one.sealed(&taken).await;
    assert!(!log.seal(space(1), late[0].1.after, late[0].1.last_sequence));
    assert!(learned.0.lock().is_empty(), "it is being sealed there");
    let seals = other.seals_of(space(1));
    other.put_back(&late);
    while other.seals_of(space(1)) == seals {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(learned.0.lock().get(&space(1)), Some(&to));
    assert!(count_above(&other, space(1), 0).is_err());
    for node in both {
        assert_eq!(count(node, space(1), to).await, 2);
        assert_eq!(count(node, space(2), 0).await, 2);
    }
    let next = take(&other, &[space(1)]);
    let portion = &next[0].1;
    assert_eq!(portion.after, to);
    assert!(log.seal(space(1), portion.after, portion.last_sequence));
    other.sealed(&next).await;
    assert_eq!(other.unsealed().events, 2);
}

async fn what_was_sealed_and_is_gone_is_learned_before_anything_is_added(log: MemorySharedLog) {
    let (one, _) = open(&log).await;
    let (other, learned) = open(&log).await;
    append(&one, space(1), 0..3).await;
    append(&one, space(2), 0..1).await;
    let taken = take(&one, &[space(1)]);
    let portion = &taken[0].1;
    assert!(log.seal(space(1), portion.after, portion.last_sequence));
    one.sealed(&taken).await;
    one.signed(&one.unsigned());
    one.trim(Rotation::None).await.unwrap();
    assert!(!log.holds(&event(2).line), "the control: it is gone");
    // The other one has not looked since.
    assert_eq!(other.unsealed().events, 0, "the control");
    let batch = Batch {
        account: AccountId::from_bytes([99; 16]),
        domain: space(1),
        seals: other.seals_of(space(1)),
        events: vec![event(1), event(7)],
    };
    let appended = other.append(batch).await.unwrap();
    assert!(matches!(appended, Appended::LookAgain(same) if same.len() == 2));
    let to = portion.last_sequence;
    assert_eq!(learned.0.lock().get(&space(1)), Some(&to));
    assert_eq!(append(&other, space(1), [7]).await, 0);
    for node in [&one, &other] {
        assert_eq!(count(node, space(1), to).await, 1);
        assert_eq!(count(node, space(2), 0).await, 1);
    }
}

/// A batch has a number for each domain's last frame in it, and goes when the last of all is signed.
#[tokio::test]
async fn a_batch_goes_when_all_that_is_in_it_is_signed() {
    let log = MemorySharedLog::default();
    let (node, _) = open(&log).await;
    let node = &node;
    // While one request is on its way, the others gather in one batch.
    let requests = (0..8).map(|n| append(node, space(u8::try_from(n % 2).unwrap()), [n]));
    join_all(requests).await;
    let held = || (0..8).filter(|n| log.holds(&event(*n).line)).count();
    for nth in [0, 1] {
        let taken = take(node, &[space(nth)]);
        for (domain, portion) in &taken {
            assert!(log.seal(*domain, portion.after, portion.last_sequence));
        }
        node.sealed(&taken).await;
        assert_eq!(held(), 8, "the control: nothing is signed");
    }
    node.signed(&node.unsigned());
    node.trim(Rotation::None).await.unwrap();
    assert_eq!(held(), 0);
}

#[tokio::test]
async fn two_nodes_conform() {
    each_event_is_stored_once_whoever_takes_it(MemorySharedLog::default()).await;
    a_lost_answer_is_asked_for_until_it_is_known(MemorySharedLog::default()).await;
    what_one_seals_leaves_the_other_once_it_is_learned(MemorySharedLog::default()).await;
    what_was_sealed_and_is_gone_is_learned_before_anything_is_added(MemorySharedLog::default())
        .await;
}

/// The control.
#[tokio::test]
async fn a_log_that_breaks_a_promise_is_caught() {
    let stored_once =
        each_event_is_stored_once_whoever_takes_it(MemorySharedLog::with(Fault::NoSequencer));
    assert!(AssertUnwindSafe(stored_once).catch_unwind().await.is_err());
    let lost =
        a_lost_answer_is_asked_for_until_it_is_known(MemorySharedLog::with(Fault::ForgetsIds));
    assert!(AssertUnwindSafe(lost).catch_unwind().await.is_err());
    let gone = what_was_sealed_and_is_gone_is_learned_before_anything_is_added(
        MemorySharedLog::with(Fault::IgnoresWatermarks),
    );
    assert!(AssertUnwindSafe(gone).catch_unwind().await.is_err());
}
