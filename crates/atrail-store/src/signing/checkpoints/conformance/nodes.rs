//! Checkpoints of several nodes: the same suite, and what they promise between them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use atrail_catalog::Catalog;
use atrail_catalog::outside::postgres::EmptyDatabase;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;

use super::super::shared::{JOURNAL, Rounds, SharedCheckpoints};
use super::*;
use crate::beside::Beside;

/// Rounds in memory; clones share them.
#[derive(Debug, Clone, Default)]
struct MemoryRounds(Arc<Mutex<BTreeMap<String, Bytes>>>, Arc<AtomicBool>);

impl Rounds for MemoryRounds {
    fn put<'a>(&'a self, path: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<()>> {
        if self.1.load(Ordering::SeqCst) {
            return ready(Err(StoreError::Invalid("planted".to_owned()))).boxed();
        }
        let before = self.0.lock().insert(path.to_owned(), bytes);
        assert!(before.is_none(), "a path was used twice");
        ready(Ok(())).boxed()
    }

    fn get<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Bytes>> {
        ready(Ok(self.0.lock()[path].clone())).boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        ready(Ok(self.0.lock().keys().cloned().collect())).boxed()
    }
}

/// A catalog and a bucket that nodes share.
struct Shared {
    beside: Arc<Beside>,
    catalog: Catalog,
    rounds: MemoryRounds,
}

impl Shared {
    fn new() -> Option<Self> {
        let beside = Arc::new(Beside::start().unwrap());
        let joined = beside.wait(async {
            let Some(database) = EmptyDatabase::new().await else {
                return Ok(None);
            };
            let lease = Duration::from_secs(10);
            database.join("one", lease).await.map(Some)
        });
        Some(Self {
            catalog: joined.unwrap()?,
            beside,
            rounds: MemoryRounds::default(),
        })
    }

    fn node(&self) -> Result<SharedCheckpoints> {
        let rounds = Arc::new(self.rounds.clone());
        SharedCheckpoints::open(self.catalog.clone(), rounds, Arc::clone(&self.beside))
    }

    fn run(&self, sql: &'static str) {
        let catalog = self.catalog.clone();
        let run = self.beside.wait(async move {
            catalog.run(sql).await;
            Ok::<_, StoreError>(())
        });
        run.unwrap();
    }
}

#[test]
fn shared_ones_conform() {
    let Some(shared) = Shared::new() else { return };
    let reopen = || Arc::new(shared.node().unwrap()) as Arc<dyn Checkpoints>;
    assert_eq!(conforms(reopen), Ok(()));
    assert!(
        shared
            .rounds
            .0
            .lock()
            .keys()
            .all(|path| path.starts_with(JOURNAL))
    );
}

#[test]
fn nodes_know_what_others_have_signed_and_contradict_none() {
    let Some(shared) = Shared::new() else { return };
    let key = SigningKey::generate("example.org").unwrap();
    let (one, other) = (shared.node().unwrap(), shared.node().unwrap());
    let first = signed(&key, "a", 3, 3);
    one.remember(&[(domain(1), first.clone())]).unwrap();
    assert_eq!(other.newest(domain(1)), None, "it was not read yet");
    other.refresh().unwrap();
    assert_eq!(other.newest(domain(1)), Some(first.clone()));
    // Without having read it.
    let third = shared.node().unwrap();
    let longer = signed(&key, "a", 5, 5);
    one.remember(&[(domain(1), longer.clone())]).unwrap();
    let contrary = third.remember(&[(domain(1), signed(&key, "a", 5, 6))]);
    assert!(
        matches!(contrary, Err(StoreError::Poisoned(_))),
        "{contrary:?}"
    );
    // Both sign the same: one round is recorded, and neither fails.
    let objects = shared.rounds.0.lock().len();
    other.remember(&[(domain(1), longer.clone())]).unwrap();
    assert_eq!(shared.rounds.0.lock().len(), objects);
    assert_eq!(other.newest(domain(1)), Some(longer));
}

#[test]
fn nobody_sees_what_is_not_in_the_bucket() {
    let Some(shared) = Shared::new() else { return };
    let key = SigningKey::generate("example.org").unwrap();
    let (one, other) = (shared.node().unwrap(), shared.node().unwrap());
    let round = [(domain(1), signed(&key, "a", 3, 3))];
    shared.rounds.1.store(true, Ordering::SeqCst);
    one.remember(&round).unwrap_err();
    other.refresh().unwrap();
    for node in [&one, &other, &shared.node().unwrap()] {
        assert!(node.domains().is_empty());
    }
    // The control, and no failure is for ever.
    shared.rounds.1.store(false, Ordering::SeqCst);
    one.remember(&round).unwrap();
    other.refresh().unwrap();
    assert_eq!(other.domains(), [domain(1)]);
}

#[test]
fn a_catalog_that_was_set_back_is_noticed() {
    let Some(shared) = Shared::new() else { return };
    let key = SigningKey::generate("example.org").unwrap();
    let one = shared.node().unwrap();
    one.remember(&[(domain(1), signed(&key, "a", 3, 3))])
        .unwrap();
    shared.run("CREATE TABLE before AS SELECT * FROM checkpoints");
    let second = signed(&key, "a", 5, 5);
    one.remember(&[(domain(1), second.clone())]).unwrap();
    let other = shared.node().unwrap();
    // As a restore does.
    shared.run("DELETE FROM checkpoints WHERE number NOT IN (SELECT number FROM before)");
    shared.run(
        "DELETE FROM checkpoint_objects WHERE path = (SELECT MAX(path) FROM checkpoint_objects)",
    );
    for (node, size) in [(&one, 4), (&other, 6)] {
        // A running node signs nothing more, neither a shorter history nor a longer one.
        let refused = node.remember(&[(domain(1), signed(&key, "a", size, 9))]);
        assert!(
            matches!(refused, Err(StoreError::Poisoned(_))),
            "{refused:?}"
        );
        assert!(matches!(node.refresh(), Err(StoreError::Poisoned(_))));
    }
    let later = shared.node().unwrap();
    assert_eq!(later.newest(domain(1)), Some(second));
    assert_eq!(later.demanded_epoch().unwrap(), None);
    // It is recorded again, once and for all.
    shared.node().unwrap().refresh().unwrap();
    let contrary = later.remember(&[(domain(1), signed(&key, "a", 5, 9))]);
    assert!(
        matches!(contrary, Err(StoreError::Poisoned(_))),
        "{contrary:?}"
    );
}

#[test]
fn a_round_that_contradicts_the_catalog_demands_an_epoch() {
    let Some(shared) = Shared::new() else { return };
    let key = SigningKey::generate("example.org").unwrap();
    let one = shared.node().unwrap();
    one.remember(&[(domain(1), signed(&key, "a", 3, 3))])
        .unwrap();
    let line = super::super::local::signed_line(domain(1), &signed(&key, "a", 3, 4).note);
    let path = format!("{JOURNAL}/{}", uuid::Uuid::now_v7());
    let put = shared.rounds.put(&path, line.unwrap().into());
    put.now_or_never().unwrap().unwrap();
    let later = shared.node().unwrap();
    assert!(later.demanded_epoch().unwrap().is_some());
    later.forget_demand().unwrap();
    // It was noticed once.
    assert_eq!(shared.node().unwrap().demanded_epoch().unwrap(), None);
}
