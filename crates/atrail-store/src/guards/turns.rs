//! Who waits for whom: deletions, seals, compactions, and the erasure of their waste.

use atrail_archive::object;
use atrail_model::{EventTotal, ObjectId, Place, Retention};

use crate::duties::Duty;
use crate::retention::Busy;

use super::{
    A_WHILE, Arc, Day, DayRange, Domain, Fixture, HashSet, Hour, Scope, SealScope, Target,
};

impl Fixture {
    pub(super) fn deletion(&self) -> tokio::task::JoinHandle<crate::Result<EventTotal>> {
        let (store, scope) = (self.store.clone(), self.scope());
        tokio::spawn(async move { store.delete_events(scope, "ann", false).await })
    }

    /// Another domain that has something unsealed.
    pub(super) async fn other(&self) -> Domain {
        let tenancy = self.store.tenancy();
        let organization = tenancy.organizations().await.unwrap()[0].id;
        let now = "2017-07-25T10:00:00Z".parse().unwrap();
        let made = tenancy.create_space(organization, "other", now);
        let other = Domain::Space(made.await.unwrap().id);
        let sent = vec![Self::event("other")];
        self.store.append(other, sent).await.unwrap();
        other
    }

    /// Events of the catalog.
    async fn sealed(&self) -> u64 {
        let mut snapshot = self.store.core.catalog.count_snapshot().await.unwrap();
        let totals = snapshot.view().totals(&self.scope()).await.unwrap();
        totals.iter().map(|day| day.count).sum()
    }
}

#[tokio::test]
async fn a_deletion_waits_for_compactions_and_seals() {
    for what in ["compaction", "seal"] {
        let fixture = Fixture::new().await;
        fixture.seal().await.unwrap().unwrap();
        let (mut compacting, mut sealing) = (None, None);
        match what {
            "compaction" => compacting = Some(fixture.compacts().await),
            _ => sealing = Some(fixture.seals().await),
        }
        let deletion = fixture.deletion();
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(fixture.sealed().await, 1, "it waits for the {what}");
        drop((compacting, sealing));
        assert_eq!(deletion.await.unwrap().unwrap().count, 1);
        assert_eq!(fixture.sealed().await, 0);
    }
}

/// A deletion that finds no event is not done while another one still erases the bytes.
#[tokio::test]
async fn a_repeated_deletion_waits_for_the_one_in_progress() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.deletion().await.unwrap().unwrap().count, 1);
    let again = fixture.deletion().await.unwrap().unwrap();
    assert_eq!((again.count, again.is_owed), (0, false), "the control");
    let in_progress = fixture.compacts().await;
    let again = fixture.deletion();
    tokio::time::sleep(A_WHILE).await;
    assert!(!again.is_finished());
    drop(in_progress);
    let again = again.await.unwrap().unwrap();
    assert_eq!((again.count, again.is_owed), (0, false));
}

/// The catalog may name the new key though the client of the request is gone.
#[tokio::test]
async fn a_key_is_changed_to_the_end_though_nobody_waits() {
    let fixture = Fixture::new().await;
    let store = fixture.store.clone();
    let before = store.verifier_key().await.to_string();
    let tx = store.core.catalog.write("hold the catalog").await.unwrap();
    let rotating = store.clone();
    let rotation = tokio::spawn(async move { rotating.rotate_key("ann").await });
    tokio::time::sleep(A_WHILE).await;
    rotation.abort();
    assert!(rotation.await.is_err(), "the control: it was given up");
    drop(tx);
    tokio::time::timeout(10 * A_WHILE, async {
        while store.verifier_key().await.to_string() == before {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    let named = store.verifier_key().await.to_string();
    assert!(store.core.catalog.logs_name(&named).await.unwrap());
}

#[tokio::test]
async fn what_is_owed_is_erased_when_nobody_writes_objects() {
    let fixture = Fixture::new().await;
    let core = Arc::clone(&fixture.store.core);
    // As for a compaction or a seal in progress: a noted path, and its bytes.
    let place = Place {
        domain: fixture.domain(),
        day: "2017-07-24".parse().unwrap(),
        hour: Hour::new(3).unwrap(),
    };
    let path = object::object_path(place, ObjectId::generate());
    let file = fixture.dir.path().join("data/archive").join(&path);
    for what in ["compaction", "seal"] {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "bytes").unwrap();
        core.catalog
            .mark_as_waste(std::slice::from_ref(&path))
            .await
            .unwrap();
        core.owes_objects.owe();
        let (mut compacting, mut sealing) = (None, None);
        match what {
            "compaction" => compacting = Some(fixture.compacts().await),
            _ => sealing = Some(fixture.seals().await),
        }
        core.erase_owed().await.unwrap();
        assert!(file.exists(), "it is left to the {what}");
        assert!(core.owes_objects.owes());
        drop((compacting, sealing));
        core.erase_owed().await.unwrap();
        assert!(!file.exists());
        assert!(!core.owes_objects.owes());
        assert_eq!(core.catalog.waste().await.unwrap(), Vec::<String>::new());
    }
}

/// A deletion that looks meanwhile does not answer that the bytes are gone.
#[tokio::test]
async fn what_is_owed_stays_noted_while_it_is_being_erased() {
    let fixture = Fixture::new().await;
    let core = Arc::clone(&fixture.store.core);
    fixture.seal().await.unwrap().unwrap();
    let place = Place {
        domain: fixture.domain(),
        day: "2017-07-24".parse().unwrap(),
        hour: Hour::new(3).unwrap(),
    };
    let path = object::object_path(place, ObjectId::generate());
    for leaves_more in [true, false] {
        core.catalog
            .mark_as_waste(std::slice::from_ref(&path))
            .await
            .unwrap();
        core.owes_objects.owe();
        // It erases, and cannot note that it did.
        let tx = core.catalog.write("hold the catalog").await.unwrap();
        let erasing = Arc::clone(&core);
        let erasure = tokio::spawn(async move { erasing.erase_owed().await });
        tokio::time::sleep(A_WHILE).await;
        assert!(!erasure.is_finished(), "the control");
        assert!(core.owes_objects.owes());
        if leaves_more {
            core.owes_objects.owe();
        }
        drop(tx);
        erasure.await.unwrap().unwrap();
        assert_eq!(core.owes_objects.owes(), leaves_more);
    }
}

/// Two that are asked for at once seal each event once.
#[tokio::test]
async fn seals_come_one_after_the_other() {
    let fixture = Fixture::new().await;
    let turn = fixture.seals().await;
    let seals = [fixture.seal(), fixture.seal()];
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(fixture.objects().len(), 0, "they wait");
    drop(turn);
    for seal in seals {
        seal.await.unwrap().unwrap();
    }
    assert_eq!((fixture.objects().len(), fixture.count().await), (1, 1));
}

/// A deletion that finds nothing succeeds only after an earlier one's bytes are erased, too.
#[tokio::test]
async fn a_deletion_of_nothing_ends_what_an_earlier_one_owes() {
    let fixture = Fixture::new().await;
    let core = Arc::clone(&fixture.store.core);
    let elsewhere = Scope {
        days: DayRange::new(Day::FIRST, Day::FIRST).unwrap(),
        ..fixture.scope()
    };
    // The background would erase too, within a second, but waits for the same turn.
    let turn = core.log_erasure.turn().await;
    core.log_erasure.owe([fixture.domain()]);
    let (store, scope) = (fixture.store.clone(), elsewhere);
    let deletion = tokio::spawn(async move { store.delete_events(scope, "ann", false).await });
    tokio::time::sleep(A_WHILE).await;
    assert!(!deletion.is_finished(), "it waits for its turn to erase");
    drop(turn);
    assert_eq!(deletion.await.unwrap().unwrap().count, 0);
    assert!(!core.log_erasure.owes());
}

/// A space that is created while a session of its account waits is in the account's log, and so in the session.
#[tokio::test]
async fn a_space_that_is_made_while_a_session_seals_is_in_its_receipt() {
    let fixture = Fixture::new().await;
    let tenancy = fixture.store.tenancy();
    let organization = tenancy.organizations().await.unwrap()[0].clone();
    let new = crate::NewSession {
        owner: atrail_model::UserId::generate(),
        space: None,
        scope: Scope {
            target: Target::Account(organization.account),
            ..fixture.scope()
        },
        user: "ann".to_owned(),
        since: std::collections::BTreeMap::default(),
        id: None,
    };
    let turn = fixture.seals().await;
    let (store, asked) = (fixture.store.clone(), new.clone());
    let making = tokio::spawn(async move { store.create_session(asked).await });
    tokio::time::sleep(A_WHILE).await;
    let now = "2017-07-25T10:00:00Z".parse().unwrap();
    let made = tenancy.create_space(organization.id, "made meanwhile", now);
    let made = made.await.unwrap();
    drop(turn);
    let session = making.await.unwrap().unwrap();
    let domains: Vec<_> = session.checkpoints.iter().map(|one| one.domain).collect();
    assert!(domains.contains(&Domain::Space(made.id)), "{domains:?}");
    let receipt = fixture.store.receipt(new.owner, session.id).await.unwrap();
    let text = String::from_utf8(receipt.to_vec()).unwrap();
    let (receipt, _) = atrail_evidence::Receipt::parse(&text).unwrap();
    assert_eq!(receipt.domains.len(), 3);
}

/// Whoever sweeps by itself seals for all, too.
#[tokio::test]
async fn the_background_leaves_a_domain_to_whoever_is_at_work_there() {
    let fixture = Fixture::new().await;
    let core = Arc::clone(&fixture.store.core);
    let old = atrail_wal::NewEvent {
        day: "2017-07-01".parse().unwrap(),
        ..Fixture::event("old")
    };
    fixture
        .store
        .append(fixture.domain(), vec![old])
        .await
        .unwrap();
    fixture.seal().await.unwrap().unwrap();
    let week = Retention::Days(7.try_into().unwrap());
    let target = fixture.scope().target;
    fixture
        .store
        .set_retention(target, week, "ann")
        .await
        .unwrap();
    for what in ["compaction", "seal"] {
        let busy = match what {
            "compaction" => fixture.compacts().await,
            _ => fixture.seals().await,
        };
        let swept = tokio::time::timeout(A_WHILE, core.sweep(Busy::Leave)).await;
        assert_eq!(swept.expect("it waits").unwrap().count, 0, "{what}");
        let waits = tokio::time::timeout(A_WHILE, core.sweep(Busy::Wait)).await;
        assert!(waits.is_err(), "the control: whoever asks waits");
        drop(busy);
    }
    let turn = core.log_erasure.turn().await;
    let swept = tokio::time::timeout(A_WHILE, core.sweep(Busy::Leave)).await;
    assert_eq!(swept.expect("it waits").unwrap().count, 1);
    assert!(core.log_erasure.owes(), "somebody has the turn to erase");
    drop(turn);
    core.erase_from_log().await.unwrap();
    assert!(!core.log_erasure.owes());
}

#[tokio::test]
async fn a_seal_of_all_holds_nothing_while_it_waits_for_one() {
    for is_first_busy in [false, true] {
        let fixture = Fixture::new().await;
        let core = Arc::clone(&fixture.store.core);
        let other = fixture.other().await;
        let mut both = [fixture.domain(), other];
        both.sort_unstable();
        if is_first_busy {
            both.reverse();
        }
        let [free, busy] = both;
        let claim = core.duties.claim(Duty::Seal(busy)).await;
        let seal = fixture.seal();
        tokio::time::sleep(A_WHILE).await;
        assert!(!seal.is_finished(), "it waits for the busy one");
        assert!(core.duties.try_claim(Duty::Seal(free)).await.is_some());
        assert!(!core.journal.unsealed_domains().contains(&free));
        assert!(core.journal.unsealed_domains().contains(&busy));
        drop(claim);
        seal.await.unwrap().unwrap();
        assert!(!core.journal.unsealed_domains().contains(&busy));
    }
}

#[tokio::test]
async fn an_erasure_of_the_log_ends_though_nobody_waits_and_before_the_store_closes() {
    let fixture = Fixture::new().await;
    let core = Arc::clone(&fixture.store.core);
    let other = fixture.other().await;
    let own = SealScope::These(HashSet::from([fixture.domain()]));
    core.seal(own).await.unwrap();
    // So that it cannot write files anew, and seals: somebody is at work there.
    let log = fixture.dir.path().join("data/wal");
    for generation in 0..9 {
        std::fs::create_dir(log.join(format!(".{generation:012}.wal.tmp"))).unwrap();
    }
    let busy = core.duties.claim(Duty::Seal(other)).await;
    core.log_erasure.owe([fixture.domain()]);
    let erasing = Arc::clone(&core);
    let asks = tokio::spawn(async move { erasing.erase_from_log().await });
    tokio::time::sleep(A_WHILE).await;
    asks.abort();
    let turn = tokio::time::timeout(A_WHILE, core.log_erasure.turn()).await;
    assert!(turn.is_err(), "it is still at work");
    drop(busy);
    let turn = core.log_erasure.turn().await;
    assert!(!core.log_erasure.owes());
    let closing = fixture.store.clone();
    let closing = tokio::spawn(async move { closing.close().await });
    tokio::time::sleep(A_WHILE).await;
    assert!(!closing.is_finished(), "somebody erases");
    assert!(core.journal.refusal().is_none());
    drop(turn);
    closing.await.unwrap().unwrap();
}
