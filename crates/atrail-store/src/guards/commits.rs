//! A seal whose commit is reported as failed: it counts, or it does not, or nobody knows.

use atrail_disk::StoreError;

use crate::{Store, StoreSettings};

use super::{Arc, Fixture, ManualClock};

const COMMIT: &str = "commit a seal";
const LOOK: &str = "look whether a commit took effect";

impl Fixture {
    /// Returns how many duplicates a repetition of the event yields.
    async fn duplicates(&self, text: &str) -> u64 {
        let again = self.store.append(self.domain(), vec![Self::event(text)]);
        again.await.unwrap().duplicates
    }

    fn runs(&self) -> usize {
        let dir = self.dir.path().join("data/dedup");
        std::fs::read_dir(dir).map_or(0, Iterator::count)
    }

    async fn refuse(&self, what: &'static str) {
        self.store.core.catalog.run(what).await;
    }

    /// Opens another store in the same directory, after this one has ended.
    pub(super) async fn restart(self) -> Self {
        let Self { store, space, dir } = self;
        let _ = store.close().await;
        drop(store);
        let settings = StoreSettings::new(dir.path().join("data"));
        let now = "2017-07-25T10:00:00Z".parse().unwrap();
        // The last task of the dropped store releases the lock, perhaps a moment later.
        let store = loop {
            let clock = Arc::new(ManualClock::new(now));
            match Store::open_dir(settings.clone(), clock).await {
                Ok(store) => break store,
                Err(error) => assert_eq!(error.kind(), crate::ErrorKind::Conflict, "{error}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        Self { store, space, dir }
    }
}

#[tokio::test]
async fn a_seal_that_counts_though_it_was_reported_as_failed_is_kept() {
    let fixture = Fixture::new().await;
    let core = &fixture.store.core;
    core.catalog.misreport(COMMIT);
    fixture.seal().await.unwrap().unwrap();
    assert_eq!((fixture.objects().len(), fixture.count().await), (1, 1));
    assert_eq!(fixture.store.stats().unsealed.events, 0);
    assert!(core.unknown_seal.lock().is_none());
    assert_eq!(fixture.duplicates("one").await, 1, "it is known again");
    let fixture = fixture.restart().await;
    assert_eq!((fixture.objects().len(), fixture.count().await), (1, 1));
    assert_eq!(fixture.duplicates("one").await, 1);
}

/// The objects may be in the archive, so an erasure could lose events, and a seal could seal them twice.
#[tokio::test]
async fn while_it_is_unknown_whether_a_seal_counts_nothing_is_erased_sealed_or_taken_in() {
    let fixture = Fixture::new().await;
    // So that the domain is known without a query.
    fixture.seal().await.unwrap().unwrap();
    fixture.send("two").await;
    let core = &fixture.store.core;
    core.catalog.misreport(COMMIT);
    core.catalog.misreport(LOOK);
    fixture.seal().await.unwrap().unwrap_err();
    assert!(core.unknown_seal.lock().is_some());
    assert!(fixture.store.write_refusal().is_some());
    let (objects, runs) = (fixture.objects(), fixture.runs());
    assert_eq!(objects.len(), 2);
    for _ in 0..2 {
        let again = fixture.seal().await.unwrap().unwrap_err();
        assert!(matches!(again, StoreError::Poisoned(_)), "{again}");
        core.erase_waste().await.unwrap();
        assert_eq!((fixture.objects(), fixture.runs()), (objects.clone(), runs));
    }
    let sent = vec![Fixture::event("three")];
    let refused = fixture.store.append(fixture.domain(), sent).await;
    refused.unwrap_err();
    let fixture = fixture.restart().await;
    assert_eq!((fixture.objects().len(), fixture.count().await), (2, 2));
    assert_eq!(fixture.duplicates("two").await, 1);
}

/// A commit that was never begun leaves neither objects nor keys; the failure is reported and the seal tried again.
#[tokio::test]
async fn a_seal_that_fails_before_its_commit_leaves_nothing() {
    let fixture = Fixture::new().await;
    let core = &fixture.store.core;
    fixture
        .refuse(
            "CREATE TRIGGER refuse BEFORE INSERT ON objects BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .await;
    let failures = fixture.store.stats().seal_failures;
    fixture.seal().await.unwrap().unwrap_err();
    assert_eq!(fixture.store.stats().seal_failures, failures + 1);
    assert_eq!((fixture.objects().len(), fixture.runs()), (0, 0));
    assert_eq!(core.catalog.waste().await.unwrap(), Vec::<String>::new());
    assert!(!core.owes_objects.owes());
    assert_eq!(
        (fixture.count().await, fixture.duplicates("one").await),
        (1, 1)
    );
    fixture.refuse("DROP TRIGGER refuse").await;
    fixture.seal().await.unwrap().unwrap();
    assert_eq!((fixture.objects().len(), fixture.count().await), (1, 1));
    assert_eq!(fixture.duplicates("one").await, 1);
}

/// Each of several slices is tried, and the first failure is reported.
#[tokio::test]
async fn what_fails_in_one_slice_of_a_seal_is_told() {
    let fixture = Fixture::new().await;
    fixture
        .refuse(
            "CREATE TRIGGER refuse BEFORE INSERT ON objects BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .await;
    let core = Arc::clone(&fixture.store.core);
    let target = fixture.scope().target;
    let domains = core.catalog.domains_of(target).await.unwrap();
    let _turn = fixture.seals().await;
    core.seal_claimed(&domains).await.unwrap_err();
}
