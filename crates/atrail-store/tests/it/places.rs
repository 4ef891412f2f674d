//! Events and their proofs by their permanent places.

use std::time::{Duration, Instant};

use atrail_evidence::{Manifest, leaf_hash, prove};
use atrail_model::{Domain, SegmentId, Target};
use atrail_store::{NewEvent, StoreError};

use crate::support::{TestStore, event, files_below, noise};

const DAY: &str = "2017-07-24";

/// A store with segments of one hour, and the events of each.
struct Fixture {
    test: TestStore,
    segments: Vec<(SegmentId, Vec<NewEvent>)>,
}

impl Fixture {
    /// Creates segments of these numbers of events, each in an object of its own.
    async fn new(counts: &[usize]) -> Self {
        let test = TestStore::new().await;
        test.clock.advance(Duration::from_secs(86_400));
        let mut segments = Vec::new();
        for (number, count) in counts.iter().enumerate() {
            let sent: Vec<_> = (0..*count)
                .map(|n| event(DAY, 7, &format!("{number}-{n}-{}", noise(n as u64, 300))))
                .collect();
            test.send(&sent).await;
            let session = test.session(test.scope(DAY, DAY)).await;
            let manifest = test.store.manifest(test.user, session.id).await.unwrap();
            let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
            let last = manifest.objects.last().unwrap().segments.last().unwrap();
            segments.push((last.parse().unwrap(), sent));
        }
        Self { test, segments }
    }

    fn space(&self) -> Target {
        Target::Space(self.test.space)
    }

    /// Checks each of these events of each segment, and its proof.
    async fn check(&self, indexes: &[usize]) {
        let store = &self.test.store;
        let key = store.verifier_key().await;
        for (segment, sent) in &self.segments {
            for index in indexes.iter().copied().filter(|index| *index < sent.len()) {
                let at = index as u64;
                let found = store.event_at(self.space(), *segment, at).await.unwrap();
                assert_eq!(found.line, sent[index].line, "{segment} {index}");
                assert_eq!(found.leaf, leaf_hash(&found.line));
                assert_eq!(found.domain, Domain::Space(self.test.space));
                assert_eq!(found.day.to_string(), DAY);
                let whole = Target::Account(self.test.account);
                let (same, proof) = store.proof_at(whole, *segment, at).await.unwrap();
                assert_eq!(same, found);
                let proven = proof.verify(std::slice::from_ref(&key)).unwrap();
                assert!(proven.is_pinned);
                assert_eq!(proven.event.as_bytes(), &found.line[..]);
                assert_eq!((&proven.segment, proven.index), (&segment.to_string(), at));
            }
        }
    }
}

async fn refused(fixture: &Fixture, target: Target, segment: SegmentId, index: u64) -> StoreError {
    let store = &fixture.test.store;
    let proof = store.proof_at(target, segment, index).await.unwrap_err();
    let event = store.event_at(target, segment, index).await.unwrap_err();
    assert_eq!(event.to_string(), proof.to_string());
    event
}

#[tokio::test]
async fn each_event_stands_at_its_place_before_and_after_a_compaction() {
    let fixture = Fixture::new(&[2500, 2500, 1]).await;
    let indexes = [0, 1, 2, 900, 1023, 1024, 2047, 2048, 2499];
    assert_eq!(
        files_below(&fixture.test.data_dir().join("archive")).len(),
        3
    );
    fixture.check(&indexes).await;
    // The background may do it as well.
    let deadline = Instant::now() + Duration::from_secs(60);
    while files_below(&fixture.test.data_dir().join("archive")).len() > 1 {
        assert!(Instant::now() < deadline, "the objects are joined");
        fixture.test.store.compact().await.unwrap();
    }
    fixture.check(&indexes).await;
    let Fixture { test, segments } = fixture;
    let test = test.crash_and_reopen().await;
    Fixture { test, segments }.check(&[0, 2048]).await;
}

#[tokio::test]
async fn the_proof_is_that_of_a_download() {
    let fixture = Fixture::new(&[5, 1100]).await;
    let test = &fixture.test;
    let (segment, _) = fixture.segments[1];
    let (_, ours) = test
        .store
        .proof_at(fixture.space(), segment, 1050)
        .await
        .unwrap();
    let session = test.session(test.scope(DAY, DAY)).await;
    let receipt = test.store.receipt(test.user, session.id).await.unwrap();
    let receipt = String::from_utf8(receipt.to_vec()).unwrap();
    let gzip = test.gzip(session.id).await;
    let theirs = prove(&receipt, gzip.as_slice(), 5 + 1050 + 1).unwrap();
    assert_eq!(ours.to_text(), theirs.to_text());
}

#[tokio::test]
async fn what_is_foreign_missing_or_deleted_is_not_found() {
    let fixture = Fixture::new(&[2]).await;
    let test = &fixture.test;
    let (segment, _) = fixture.segments[0];
    let unknown = refused(&fixture, fixture.space(), SegmentId::generate(), 0).await;
    assert!(matches!(unknown, StoreError::NotFound { .. }), "{unknown}");
    let now = "2017-07-25T00:00:00Z".parse().unwrap();
    let other = test
        .store
        .tenancy()
        .create_account("other", now)
        .await
        .unwrap();
    for (target, index) in [
        (Target::Space(test.other_space), 0),
        (Target::Account(other.id), 0),
        (fixture.space(), 2),
        (fixture.space(), u64::MAX),
    ] {
        let refused = refused(&fixture, target, segment, index).await;
        assert_eq!(
            refused.to_string(),
            unknown.to_string(),
            "{target:?} {index}"
        );
    }
    // The control.
    fixture.check(&[0, 1]).await;
    let scope = test.scope(DAY, DAY);
    test.store.delete_events(scope, "ann", false).await.unwrap();
    let deleted = refused(&fixture, fixture.space(), segment, 0).await;
    assert_eq!(deleted.to_string(), unknown.to_string());
}

#[tokio::test]
async fn a_line_that_was_not_sealed_is_never_returned() {
    let fixture = Fixture::new(&[1200]).await;
    let (segment, _) = fixture.segments[0];
    let file = files_below(&fixture.test.data_dir().join("archive")).remove(0);
    let sound = std::fs::read(&file).unwrap();
    let target = fixture.space();
    for at in [0, 20, 60, 200, sound.len() / 2, sound.len() - 5] {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        std::fs::write(&file, &damaged).unwrap();
        for index in [0, 1199] {
            match fixture.test.store.event_at(target, segment, index).await {
                Ok(event) => {
                    // The damage lies elsewhere.
                    let sent = &fixture.segments[0].1[usize::try_from(index).unwrap()];
                    assert_eq!(event.line, sent.line);
                }
                Err(error) => {
                    assert!(matches!(error, StoreError::DamagedObject { .. }), "{error}");
                }
            }
        }
    }
    // Another sound object with other lines, in its place.
    let other = Fixture::new(&[1200]).await;
    let others = files_below(&other.test.data_dir().join("archive")).remove(0);
    std::fs::copy(others, &file).unwrap();
    let missing = refused(&fixture, target, segment, 0).await;
    assert!(
        matches!(missing, StoreError::DamagedObject { .. }),
        "{missing}"
    );
    assert!(fixture.test.store.stats().damaged_reads >= 2);
    std::fs::remove_file(&file).unwrap();
    let missing = refused(&fixture, target, segment, 0).await;
    assert!(
        matches!(missing, StoreError::DamagedObject { .. }),
        "{missing}"
    );
    std::fs::write(&file, &sound).unwrap();
    fixture.check(&[0, 1199]).await;
}

#[tokio::test]
async fn an_event_is_found_while_its_hour_is_compacted_again_and_again() {
    let fixture = Fixture::new(&[4, 4]).await;
    let test = &fixture.test;
    let reading = async {
        for _ in 0..40 {
            fixture.check(&[0, 3]).await;
        }
    };
    let compacting = async {
        for round in 0..5 {
            test.send(&[event(DAY, 7, &format!("more-{round}"))]).await;
            test.session(test.scope(DAY, DAY)).await;
            test.store.compact().await.unwrap();
        }
    };
    futures_util::join!(reading, compacting);
    assert!(test.store.stats().compactions > 0);
    assert_eq!(test.store.stats().damaged_reads, 0);
}
