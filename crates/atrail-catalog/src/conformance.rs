//! Tests the promises of every implementation of the catalog. Each promise is one check; [`broken`] names the checks
//! that fail.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(super) mod scene;

use std::pin::Pin;
use std::time::Duration;

use atrail_model::{AccountId, ObjectId, Target};
use futures_util::future::join_all;

use super::Catalog;
use super::new_session::{Inserted, SessionRow};
use super::testing::Flaw;
use scene::Scene;

/// Longer than any check that waits for nothing, however busy the machine is.
const FOREVER: Duration = Duration::from_secs(60);
/// Long enough to conclude that a check waits for ever, in the control.
const A_WHILE: Duration = Duration::from_secs(6);
/// Long enough to see that something waits.
const A_MOMENT: Duration = Duration::from_millis(100);

type Outcome = Result<(), String>;
type Check = fn(Scene) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), |scene| Box::pin($name(scene)))),*]
    };
}

const CHECKS: &[(&str, Check)] = checks![
    one_writes_at_a_time,
    what_is_not_committed_never_was,
    a_snapshot_is_of_one_moment,
    a_snapshot_and_the_writer_do_not_wait_for_each_other,
    what_is_committed_is_seen_by_the_next_read,
    rows_refer_to_rows_that_are_there,
    a_seal_that_fails_leaves_nothing,
    what_goes_between_a_snapshot_and_the_session_is_noticed,
    a_deletion_ends_the_sessions_that_pinned_what_it_took,
    nothing_that_is_held_goes,
    objects_of_an_hour_stay_in_the_order_of_their_sealing,
    what_comes_without_a_place_is_put_where_its_id_belongs,
];

/// Returns the checks that a new catalog of this kind fails, each with the reason. A check fails when it takes longer
/// than this.
async fn broken(
    make: impl AsyncFn() -> Catalog,
    patience: Duration,
) -> Vec<(&'static str, String)> {
    let each = CHECKS.iter().map(async |(name, check)| {
        let scene = Scene::new(make().await).await;
        let outcome = tokio::time::timeout(patience, check(scene)).await;
        let outcome = outcome.unwrap_or_else(|_| Err("it never ends".to_owned()));
        outcome.err().map(|why| (*name, why))
    });
    join_all(each).await.into_iter().flatten().collect()
}

fn ensure(holds: bool, why: &str) -> Outcome {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}

async fn one_writes_at_a_time(scene: Scene) -> Outcome {
    let first = scene.catalog.write("write").await.unwrap();
    let second = scene.catalog.write("write");
    tokio::pin!(second);
    let waited = tokio::time::timeout(A_MOMENT, second.as_mut()).await;
    ensure(waited.is_err(), "a second one writes beside the first")?;
    drop(first);
    second.await.unwrap();
    Ok(())
}

async fn what_is_not_committed_never_was(scene: Scene) -> Outcome {
    let session = scene.session();
    let row = scene.row(&session);
    let mut write = scene.catalog.write("write").await.unwrap();
    let inserted = write
        .insert_session(row, &Scene::admission())
        .await
        .unwrap();
    assert!(matches!(inserted, Inserted::Done));
    drop(write);
    let there = scene.catalog.session(session.owner, session.id).await;
    ensure(there.unwrap().is_none(), "what was rolled back is there")?;
    let as_of = scene.removals().await;
    let inserted = scene.insert(&session, as_of).await;
    ensure(
        matches!(inserted, Inserted::Done),
        "what was rolled back is in the way",
    )?;
    let there = scene.catalog.session(session.owner, session.id).await;
    ensure(there.unwrap().is_some(), "what was committed is not there")
}

async fn a_snapshot_is_of_one_moment(scene: Scene) -> Outcome {
    let mut snapshot = scene.catalog.snapshot("read").await.unwrap();
    let account = Target::Account(scene.account);
    let before = snapshot.view().domains_of(account).await.unwrap();
    scene.create_space("another").await;
    scene.seal(7).await;
    let after = snapshot.view().domains_of(account).await.unwrap();
    ensure(before == after, "it sees what was committed meanwhile")?;
    let pinned = snapshot.view().pinned(&before, &scene.scope()).await;
    ensure(pinned.unwrap().is_empty(), "it sees what was sealed later")?;
    drop(snapshot);
    let mut snapshot = scene.catalog.snapshot("read").await.unwrap();
    let later = snapshot.view().domains_of(account).await.unwrap();
    ensure(later.len() == before.len() + 1, "a later one sees it not")
}

async fn a_snapshot_and_the_writer_do_not_wait_for_each_other(scene: Scene) -> Outcome {
    let account = Target::Account(scene.account);
    let mut write = scene.catalog.write("write").await.unwrap();
    let session = scene.session();
    let row = scene.row(&session);
    write
        .insert_session(row, &Scene::admission())
        .await
        .unwrap();
    let mut snapshot = scene.catalog.snapshot("read").await.unwrap();
    let mut view = snapshot.view();
    let read = view.domains_of(account).await;
    ensure(!read.unwrap().is_empty(), "it sees nothing")?;
    let other = scene.catalog.session(session.owner, session.id).await;
    ensure(other.unwrap().is_none(), "it sees what is not committed")?;
    write.commit().await.unwrap();
    view.domains_of(account).await.unwrap();
    Ok(())
}

async fn what_is_committed_is_seen_by_the_next_read(scene: Scene) -> Outcome {
    for nth in 0..20 {
        let space = scene.create_space(&format!("space {nth}")).await;
        let domains = scene.catalog.domains_of(Target::Space(space)).await;
        ensure(domains.unwrap().len() == 1, "a read is of an earlier state")?;
    }
    Ok(())
}

async fn rows_refer_to_rows_that_are_there(scene: Scene) -> Outcome {
    let session = scene.session();
    let row = SessionRow {
        account: AccountId::generate(),
        ..scene.row(&session)
    };
    let as_of = scene.removals().await;
    let inserted = scene
        .catalog
        .insert_session(row, as_of, &Scene::admission())
        .await;
    ensure(inserted.is_err(), "a session is of an account that is not")
}

async fn a_seal_that_fails_leaves_nothing(scene: Scene) -> Outcome {
    let heads = scene.catalog.heads().await.unwrap();
    let failed = scene.seal_of_no_domain(7).await;
    ensure(failed.is_err(), "something is sealed of no domain")?;
    let totals = scene.totals().await;
    ensure(totals.is_empty(), "what was not sealed is counted")?;
    ensure(
        scene.catalog.heads().await.unwrap() == heads,
        "a log tells of what is not",
    )?;
    scene.seal(9).await;
    let totals = scene.totals().await;
    ensure(
        totals.len() == 1 && totals[0].count == 1,
        "it is not counted",
    )?;
    ensure(
        scene.catalog.heads().await.unwrap() != heads,
        "no log tells of a seal",
    )
}

async fn what_goes_between_a_snapshot_and_the_session_is_noticed(scene: Scene) -> Outcome {
    scene.seal(7).await;
    let session = scene.session();
    let as_of = scene.removals().await;
    // A new object is no reason to refuse.
    scene.seal(8).await;
    let inserted = scene.insert(&session, as_of).await;
    ensure(matches!(inserted, Inserted::Done), "a seal is in the way")?;
    let as_of = scene.removals().await;
    scene.delete().await.unwrap();
    let inserted = scene.insert(&scene.session(), as_of).await;
    ensure(
        matches!(inserted, Inserted::Stale),
        "a session has objects that are gone",
    )
}

async fn a_deletion_ends_the_sessions_that_pinned_what_it_took(scene: Scene) -> Outcome {
    let object = scene.seal(7).await;
    let (with, without) = (scene.session(), scene.session());
    for (session, pinned) in [(&with, &[object][..]), (&without, &[])] {
        scene.insert_over(session, pinned).await;
    }
    let removed = scene.delete().await.unwrap();
    ensure(
        removed.sessions == [with.id],
        "other sessions end than those that lose objects",
    )?;
    let there = scene.catalog.session(with.owner, with.id).await.unwrap();
    let is_gone = there.is_some_and(|session| session.refuse_if_gone().is_err());
    ensure(is_gone, "it does not know that it is gone")
}

async fn nothing_that_is_held_goes(scene: Scene) -> Outcome {
    scene.seal(7).await;
    scene.hold().await;
    let refused = scene.delete().await;
    ensure(refused.is_err(), "it is deleted")?;
    let totals = scene.totals().await;
    ensure(totals.len() == 1, "it is not counted any more")?;
    let waste = scene.catalog.waste().await.unwrap();
    ensure(waste.is_empty(), "its bytes are waste")
}

/// Two generators of ids may have different clocks.
async fn objects_of_an_hour_stay_in_the_order_of_their_sealing(scene: Scene) -> Outcome {
    let sealed = [9, 1, 5, 3].map(id);
    for id in sealed {
        scene.seal_as(7, id).await;
    }
    ensure(scene.pinned().await == sealed, "it is another order")?;
    // The result of a compaction takes the place of its first source.
    let merged = id(10);
    scene.compact(&sealed[1..3], merged).await;
    let expected = [sealed[0], merged, sealed[3]];
    ensure(
        scene.pinned().await == expected,
        "a compaction comes elsewhere than its sources were",
    )?;
    scene.delete().await.unwrap();
    scene.seal_as(7, id(2)).await;
    scene.seal_as(7, id(1)).await;
    ensure(
        scene.pinned().await == [2, 1].map(id),
        "after a deletion it is another order",
    )
}

async fn what_comes_without_a_place_is_put_where_its_id_belongs(scene: Scene) -> Outcome {
    for sealed in [4, 2, 8] {
        scene.seal_as(7, id(sealed)).await;
    }
    scene.adopt(7, &[9, 3, 1].map(id)).await;
    let expected = [1, 4, 2, 3, 8, 9].map(id);
    ensure(scene.pinned().await == expected, "it is elsewhere")?;
    let contradictions = scene.catalog.integrity().await.unwrap();
    ensure(contradictions.is_empty(), "the catalog contradicts itself")
}

const fn id(number: u8) -> ObjectId {
    ObjectId::from_bytes([number; 16])
}

#[tokio::test]
async fn a_catalog_in_a_file_keeps_every_promise() {
    let dir = tempfile::tempdir().unwrap();
    let made = std::cell::Cell::new(0);
    let make = async || {
        made.set(made.get() + 1);
        let file = dir.path().join(format!("{}.sqlite", made.get()));
        Catalog::open(&file, "key".to_owned()).await.unwrap()
    };
    assert_eq!(broken(make, FOREVER).await, []);
}

#[tokio::test]
async fn a_catalog_in_memory_keeps_every_promise() {
    let make = async || Catalog::open_in_memory().await.unwrap();
    assert_eq!(broken(make, FOREVER).await, []);
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn a_catalog_that_nodes_share_keeps_its_promises() {
    use super::outside::postgres::EmptyDatabase;
    if EmptyDatabase::new().await.is_none() {
        return;
    }
    let make = async || {
        let database = EmptyDatabase::new().await.unwrap();
        let lease = Duration::from_secs(10);
        database.join("node", lease).await.unwrap()
    };
    assert_eq!(broken(make, FOREVER).await, []);
}

/// The control: the suite reports each promise that is broken on purpose, and no other.
#[cfg(feature = "cluster")]
#[tokio::test]
async fn a_catalog_in_postgresql_keeps_its_promises() {
    use super::testing::postgres::Database;
    if Database::new().await.is_none() {
        return;
    }
    let make = async || Database::new().await.unwrap().catalog().await;
    assert_eq!(broken(make, FOREVER).await, []);
}

#[tokio::test]
async fn the_suite_notices_each_promise_that_is_not_kept() {
    let removals = "what_goes_between_a_snapshot_and_the_session_is_noticed";
    for (flaw, noticed) in [
        (
            Flaw::SnapshotsOfManyMoments,
            &["a_snapshot_is_of_one_moment"][..],
        ),
        (
            Flaw::WritesWithoutTransaction,
            &[
                "one_writes_at_a_time",
                "what_is_not_committed_never_was",
                "a_snapshot_and_the_writer_do_not_wait_for_each_other",
                "a_seal_that_fails_leaves_nothing",
            ],
        ),
        (
            Flaw::NoForeignKeys,
            &[
                "rows_refer_to_rows_that_are_there",
                "a_seal_that_fails_leaves_nothing",
            ],
        ),
        (Flaw::RemovalsNotCounted, &[removals]),
        (
            Flaw::OrderOfIds,
            &[
                "objects_of_an_hour_stay_in_the_order_of_their_sealing",
                "what_comes_without_a_place_is_put_where_its_id_belongs",
            ],
        ),
        (
            Flaw::OneConnection,
            &[
                "a_snapshot_is_of_one_moment",
                "a_snapshot_and_the_writer_do_not_wait_for_each_other",
            ],
        ),
    ] {
        let make = async || Catalog::broken_on_purpose(flaw).await;
        let found: Vec<_> = broken(make, A_WHILE)
            .await
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(found, noticed, "{flaw:?}");
    }
}
