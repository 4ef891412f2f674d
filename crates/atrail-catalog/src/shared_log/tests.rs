#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod beds;

use std::sync::Arc;

use atrail_model::{DayRange, Hours};
use atrail_wal::conformance::{append, conforms, space};
use atrail_wal::{Journal, SharedJournal};

use super::*;
use beds::{Shared, log_of, node};

/// Counts as a node does that has caught up.
async fn count(journal: &SharedJournal, domain: Domain) -> u64 {
    journal.catch_up().await.unwrap();
    let ever = DayRange::new(atrail_model::Day::FIRST, atrail_model::Day::LAST).unwrap();
    let totals = journal.totals(&HashMap::from([(domain, 0)]), ever, Hours::ALL);
    totals.unwrap().iter().map(|(_, total)| total.count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_of_a_shared_log_conforms() {
    if Shared::new().await.is_none() {
        return;
    }
    let beds = tokio::runtime::Handle::current();
    let make = || tokio::task::block_in_place(|| beds.block_on(Shared::new()).unwrap());
    conforms(make).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_is_stored_once_whoever_takes_it() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Arc::new(node(&shared.catalog).await));
    }
    let mut senders = Vec::new();
    for n in 0..12_u32 {
        let nodes = nodes.clone();
        senders.push(tokio::spawn(async move {
            let mut new = 0;
            for round in 0..6_u32 {
                let own = &nodes[((n + round) % 3) as usize];
                let other = &nodes[((n + round + 1) % 3) as usize];
                let begin = n * 2 + round * 5;
                new += 8 - append(&**own, space(1), begin..begin + 8).await;
                assert!(count(other, space(1)).await >= 8);
            }
            new
        }));
    }
    let mut new = 0;
    for sender in senders {
        new += sender.await.unwrap();
    }
    let all = 11 * 2 + 5 * 5 + 8;
    assert_eq!(new, all);
    for node in &nodes {
        assert_eq!(count(node, space(1)).await, all);
    }
}

/// A database that was set back takes nothing from a node that has seen more, and the node does not go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_set_back_is_noticed() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    let running = node(&shared.catalog).await;
    append(&running, space(1), 0..2).await;
    running.catch_up().await.unwrap();
    let seen = running.recent().end().sequence;
    assert!(seen > 0, "the control");
    shared.catalog.run("DELETE FROM batches").await;
    shared.catalog.run("UPDATE sequencer SET last = 0").await;
    let log = log_of(&shared.catalog).await;
    let mut batch = NewBatch {
        id: atrail_wal::BatchId {
            incarnation: log.incarnation(),
            number: 1,
        },
        frames: 1,
        seen,
        domains: vec![space(1)],
        body: Bytes::from_static(b"late"),
    };
    let refused = log.register(&batch).await.unwrap_err();
    assert!(matches!(refused, StoreError::Poisoned(_)), "{refused}");
    assert!(running.catch_up().await.is_err());
    let refusal = running.refusal();
    assert!(
        matches!(refusal, Some(StoreError::Poisoned(_))),
        "{refusal:?}"
    );
    // The control: a node that begins with what is there.
    batch.seen = 0;
    log.register(&batch).await.unwrap();
}

/// A node that stopped while it held the sequencer delays the others for about a second, and then appends nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_under_the_lock_loses_it() {
    let Some(shared) = Shared::new().await else {
        return;
    };
    let stopped = log_of(&shared.catalog).await;
    let mut locked = stopped.lock().await.unwrap();
    locked.read(0).await.unwrap();
    let going_on = node(&shared.catalog).await;
    let began = std::time::Instant::now();
    append(&going_on, space(1), 0..2).await;
    let waited = began.elapsed();
    assert!(
        waited > Duration::from_millis(500),
        "the control: {waited:?}"
    );
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    let batch = NewBatch {
        id: atrail_wal::BatchId {
            incarnation: stopped.incarnation(),
            number: 1,
        },
        frames: 1,
        seen: 0,
        domains: vec![space(2)],
        body: Bytes::from_static(b"late"),
    };
    assert!(locked.register(&batch).await.is_err());
    assert_eq!(stopped.last().await.unwrap(), 1);
    assert_eq!(count(&going_on, space(1)).await, 2);
}
