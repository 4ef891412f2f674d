//! Tests of guards whose absence shows only under interference: each test blocks the step for which the guard waits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backup;
mod commits;
mod erasure;
mod rests;
mod turns;
mod unfinished;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atrail_disk::ErrorKind;
use atrail_disk::faults::{syncs_of, watch_syncs};
use atrail_evidence::leaf_hash;
use atrail_model::{
    Day, DayRange, Domain, Hour, Hours, ManualClock, Requester, Scope, SpaceId, Target, UserId,
};
use atrail_wal::NewEvent;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::counting::LOOKS;
use crate::duties::{Claim, Duty};
use crate::seal::scope::SealScope;
use crate::{NewSession, Session, Store, StoreSettings};

struct Fixture {
    store: Store,
    space: SpaceId,
    dir: tempfile::TempDir,
}

/// Long enough for anything that does not wait.
const A_WHILE: Duration = Duration::from_secs(1);

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = StoreSettings::new(dir.path().join("data"));
        settings.reserve_bytes = 1 << 20;
        settings.text_part_bytes = 100;
        let now = "2017-07-25T10:00:00Z".parse().unwrap();
        let store = Store::open_dir(settings, Arc::new(ManualClock::new(now)))
            .await
            .unwrap();
        let tenancy = store.tenancy();
        let account = tenancy.create_account("acme", now).await.unwrap().id;
        let organization = tenancy
            .create_organization(account, "o", now)
            .await
            .unwrap()
            .id;
        let space = tenancy
            .create_space(organization, "s", now)
            .await
            .unwrap()
            .id;
        let fixture = Self { store, space, dir };
        fixture.send("one").await;
        fixture
    }

    fn domain(&self) -> Domain {
        Domain::Space(self.space)
    }

    fn event(text: &str) -> NewEvent {
        let line = Bytes::from(format!("{{\"text\":\"{text}\"}}"));
        NewEvent {
            day: "2017-07-24".parse().unwrap(),
            hour: Hour::new(9).unwrap(),
            leaf: leaf_hash(&line),
            line,
        }
    }

    /// Claims the domain as a seal does.
    async fn seals(&self) -> Claim {
        let duties = &self.store.core.duties;
        duties.claim(Duty::Seal(self.domain())).await
    }

    /// Claims the domain as a compaction does.
    async fn compacts(&self) -> Claim {
        let duties = &self.store.core.duties;
        duties.claim(Duty::Compact(self.domain())).await
    }

    async fn send(&self, text: &str) {
        let sent = vec![Self::event(text)];
        self.store.append(self.domain(), sent).await.unwrap();
    }

    fn scope(&self) -> Scope {
        Scope {
            target: Target::Space(self.space),
            days: DayRange::new(Day::FIRST, Day::LAST).unwrap(),
            hours: Hours::ALL,
        }
    }

    async fn count(&self) -> u64 {
        self.store.count(self.scope()).await.unwrap().count
    }

    fn objects(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut dirs = vec![self.dir.path().join("data/archive")];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                let kind = if path.is_dir() { &mut dirs } else { &mut found };
                kind.push(path);
            }
        }
        found
    }

    fn seal(&self) -> tokio::task::JoinHandle<crate::Result<()>> {
        let core = Arc::clone(&self.store.core);
        tokio::spawn(async move { core.seal(SealScope::All).await })
    }
}

#[tokio::test]
async fn a_path_is_noted_as_waste_before_its_object_is_written() {
    let fixture = Fixture::new().await;
    // Nobody can record anything while this is open.
    let tx = fixture
        .store
        .core
        .catalog
        .write("hold the catalog")
        .await
        .unwrap();
    let seal = fixture.seal();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(fixture.objects(), Vec::<PathBuf>::new());
    drop(tx);
    seal.await.unwrap().unwrap();
    assert_eq!(fixture.objects().len(), 1);
}

/// Between its commit and that, both the catalog and the journal have the events.
#[tokio::test]
async fn a_seal_is_published_while_somebody_counts() {
    let fixture = Fixture::new().await;
    let core = &fixture.store.core;
    let counting = core.journal.keep_counts().await;
    let seal = fixture.seal();
    let sealed = async || core.catalog.sealed_to(core.journal.log()).await.unwrap();
    while sealed().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(A_WHILE).await;
    assert!(!seal.is_finished(), "nothing leaves the journal");
    let here = HashMap::from([(fixture.domain(), 0)]);
    let scope = fixture.scope();
    let still = core.journal.totals(&here, scope.days, scope.hours);
    assert_eq!(still.unwrap().len(), 1, "the control");
    assert_eq!(fixture.count().await, 1);
    drop(counting);
    seal.await.unwrap().unwrap();
    assert!(core.journal.totals(&here, scope.days, scope.hours).is_err());
    assert_eq!(fixture.count().await, 1);
}

/// What is sealed between the look at the catalog and that at the journal is in neither.
#[tokio::test]
async fn a_count_looks_again_when_events_were_sealed_meanwhile() {
    let fixture = Fixture::new().await;
    let core = &fixture.store.core;
    let scope = fixture.scope();
    for n in 0..LOOKS + 2 {
        fixture.send(&format!("number {n}")).await;
        let mut looks = core.begin_to_count().await.unwrap();
        let mut disturbed = 0;
        let counted = loop {
            // Never under the guard, for which a seal waits.
            let is_disturbed = disturbed < n.min(LOOKS);
            if is_disturbed {
                fixture.send(&format!("{disturbed} of {n}")).await;
                disturbed += 1;
            }
            let rows = core.unsealed_of(scope.target).await.unwrap();
            let mut snapshot = core.catalog.count_snapshot().await.unwrap();
            let mut view = snapshot.view();
            let sealed = view.totals(&scope).await.unwrap();
            let above = view.sealed_to(core.journal.log(), &rows).await.unwrap();
            if is_disturbed {
                fixture.seal().await.unwrap().unwrap();
            }
            match core.journal.totals(&above, scope.days, scope.hours) {
                Ok(unsealed) => {
                    assert!(!is_disturbed, "the control: it looked too late");
                    let unsealed = unsealed.into_iter().map(|(_, total)| total);
                    let all = sealed.into_iter().chain(unsealed);
                    break all.map(|total| total.count).sum::<u64>();
                }
                Err(moved) => looks.again(moved).await.unwrap(),
            }
        };
        drop(looks);
        assert_eq!(counted, fixture.count().await, "{n}");
        assert_eq!(disturbed, n.min(LOOKS), "{n}");
    }
}

#[tokio::test]
async fn a_hold_that_comes_after_a_deletion_has_begun_holds_all_of_it() {
    let fixture = Fixture::new().await;
    fixture.seal().await.unwrap().unwrap();
    fixture.send("two").await;
    let core = &fixture.store.core;
    let turn = fixture.seals().await;
    let (store, scope) = (fixture.store.clone(), fixture.scope());
    let deletion = tokio::spawn(async move { store.delete_events(scope, "ann", false).await });
    // It has checked for holds, and waits for its turn.
    let compacting = Duty::Compact(fixture.domain());
    while core.duties.try_claim(compacting).await.is_some() {
        tokio::task::yield_now().await;
    }
    let requester = Requester {
        name: "ann",
        request: "",
        reason: "case 7",
        warrant: None,
    };
    fixture
        .store
        .set_hold(Target::Space(fixture.space), requester)
        .await
        .unwrap();
    drop(turn);
    let refused = deletion.await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Held, "{refused}");
    assert_eq!(
        fixture.count().await,
        2,
        "neither what was sealed nor what was not"
    );
}

#[tokio::test]
async fn a_seal_that_never_began_to_commit_stops_nothing() {
    let fixture = Fixture::new().await;
    let core = &fixture.store.core;
    // So that the domain is known without a query.
    fixture.seal().await.unwrap().unwrap();
    fixture.send("two").await;
    // A commit that was never begun leaves nothing unknown, even if nobody can look either.
    core.catalog.misreport("look whether a commit took effect");
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON objects BEGIN SELECT RAISE(ABORT, 'no'); END";
    core.catalog.run(refuse).await;
    fixture.seal().await.unwrap().unwrap_err();
    assert!(core.unknown_seal.lock().is_none());
    assert!(fixture.store.write_refusal().is_none());
}

/// An earlier put may have created them, and failed before it synced them: the archive's own directories exist already.
#[tokio::test]
async fn directories_above_an_object_are_synced_before_it_counts() {
    let fixture = Fixture::new().await;
    let archive = fixture.dir.path().join("data/archive");
    let domain = archive.join(format!("domain={}", Domain::Space(fixture.space)));
    let date = domain.join("date=2017-07-24");
    std::fs::create_dir_all(date.join("hour=09")).unwrap();
    watch_syncs(&archive);
    let above = [&archive, &domain, &date];
    let times = || above.map(|dir| syncs_of(dir));
    let before = times();
    fixture.seal().await.unwrap().unwrap();
    let after = times();
    assert!(
        before
            .iter()
            .zip(after)
            .all(|(before, after)| *before < after),
        "{before:?} {after:?}"
    );
}

/// A signed checkpoint is shown only when its file has it durably.
#[tokio::test]
async fn the_journal_of_checkpoints_is_synced_with_each_line() {
    let fixture = Fixture::new().await;
    let journal = fixture.dir.path().join("data/checkpoints");
    watch_syncs(&journal);
    let core = &fixture.store.core;
    core.signing.sign_all(&core.catalog).await.unwrap();
    for more in 1..4 {
        let before = syncs_of(&journal);
        fixture.send(&more.to_string()).await;
        fixture.seal().await.unwrap().unwrap();
        core.signing.sign_all(&core.catalog).await.unwrap();
        assert!(syncs_of(&journal) > before);
    }
}

impl Fixture {
    fn making(&self) -> tokio::task::JoinHandle<crate::Result<Session>> {
        let store = self.store.clone();
        let new = NewSession {
            owner: UserId::generate(),
            space: Some(self.space),
            scope: self.scope(),
            user: "ann".to_owned(),
            since: BTreeMap::new(),
            id: None,
        };
        tokio::spawn(async move { store.create_session(new).await })
    }

    /// Returns the number of parts of texts in the catalog, with or without a session.
    async fn parts(&self) -> i64 {
        let catalog = &self.store.core.catalog;
        catalog.number("SELECT COUNT(*) FROM session_texts").await
    }
}

/// A session that is being created has pinned nothing that a deletion could see.
#[tokio::test]
async fn what_goes_while_a_session_is_made_is_not_in_it() {
    let fixture = Fixture::new().await;
    fixture.seal().await.unwrap().unwrap();
    let core = &fixture.store.core;
    for (change, left) in [
        // The control: a change that removes no object is no reason to begin again.
        ("UPDATE domains SET removals = removals", 1),
        ("UPDATE objects SET retired = 1", 0),
        ("DELETE FROM objects", 0),
    ] {
        let mut write = core.catalog.write("take events").await.unwrap();
        let making = fixture.making();
        // It reads, computes, and waits for its turn to write.
        tokio::time::sleep(A_WHILE).await;
        write.run(change).await;
        write.commit().await.unwrap();
        let session = making.await.unwrap().unwrap();
        assert_eq!(session.events, left, "{change}");
        let owner = session.owner;
        let manifest = fixture.store.manifest(owner, session.id).await.unwrap();
        assert_eq!(session.etag, <[u8; 32]>::from(Sha256::digest(&manifest)));
    }
}

#[tokio::test]
async fn a_session_is_made_however_often_objects_go_meanwhile() {
    let fixture = Fixture::new().await;
    fixture.seal().await.unwrap().unwrap();
    let catalog = fixture.store.core.catalog.clone();
    let taking = tokio::spawn(async move {
        loop {
            let change = "UPDATE domains SET removals = removals + 1";
            catalog.run(change).await;
        }
    });
    let session = fixture.making().await.unwrap().unwrap();
    taking.abort();
    assert_eq!(session.events, 1);
    fixture
        .store
        .receipt(session.owner, session.id)
        .await
        .unwrap();
}

#[tokio::test]
async fn texts_in_parts_go_with_their_session_and_those_of_none_go_by_themselves() {
    let fixture = Fixture::new().await;
    let core = &fixture.store.core;
    let session = fixture.making().await.unwrap().unwrap();
    let (owner, id) = (session.owner, session.id);
    let manifest = fixture.store.manifest(owner, id).await.unwrap();
    let receipt = fixture.store.receipt(owner, id).await.unwrap();
    let parts = fixture.parts().await;
    let of = |text: &Bytes| i64::try_from(text.len().div_ceil(100)).unwrap();
    assert_eq!(parts, of(&manifest) + of(&receipt));
    assert!(parts > 5);
    let bytes = fixture.store.evidence_bytes(id).await.unwrap();
    assert_eq!(bytes, manifest.len() + receipt.len());
    core.delete_stray_texts().await.unwrap();
    assert_eq!(fixture.parts().await, parts, "they belong to a session");
    // An abandoned creation leaves parts, and one in progress keeps them.
    let tx = core.catalog.write("hold the catalog").await.unwrap();
    let given_up = fixture.making();
    tokio::time::sleep(A_WHILE).await;
    given_up.abort();
    drop(tx);
    let _ = given_up.await;
    let made = fixture.making().await.unwrap().unwrap();
    core.delete_stray_texts().await.unwrap();
    let of_two = fixture.parts().await;
    assert!(of_two > parts);
    fixture.store.delete_session(owner, id).await.unwrap();
    core.delete_stray_texts().await.unwrap();
    assert_eq!(fixture.parts().await, of_two - parts);
    fixture
        .store
        .delete_session(made.owner, made.id)
        .await
        .unwrap();
    core.delete_stray_texts().await.unwrap();
    assert_eq!(fixture.parts().await, 0);
}
