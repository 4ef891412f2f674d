//! Operations of several steps that fail at one of them: others do not wait, the store completes the operation later on
//! its own, and reports it.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use atrail_model::{Domain, Hours, Retention, Scope, Target};
use atrail_store::{ErrorKind, EventsOfSpace, StoreError};

use crate::support::{TestStore, days, event, ever, files_below, noise};

const DAY: &str = "2017-07-24";

fn everything(target: Target) -> Scope {
    Scope {
        target,
        days: ever(),
        hours: Hours::ALL,
    }
}

async fn held(t: &TestStore, target: Target) -> u64 {
    let days = t.counts(target).await;
    days.iter().map(|(_, count, _)| count).sum()
}

/// Puts a non-empty directory at the path of a file: it can neither be replaced nor unlinked.
fn obstruct(path: &Path) {
    let _ = fs::remove_file(path);
    fs::create_dir_all(path.join("in the way")).unwrap();
}

/// Puts a file at the path of an hour's directory.
fn block_hour(t: &TestStore, domain: Domain, day: &str, hour: u8) -> PathBuf {
    let place = format!("archive/domain={domain}/date={day}/hour={hour:02}");
    let place = t.data_dir().join(place);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, "no directory").unwrap();
    place
}

#[tokio::test]
async fn an_hour_that_cannot_be_sealed_keeps_nobody_waiting() {
    let t = TestStore::with(|settings| settings.seal_at_bytes = 20_000).await;
    let (bad, good) = (Domain::Space(t.other_space), Domain::Space(t.space));
    let place = block_hour(&t, bad, DAY, 1);
    t.store
        .append(bad, vec![event(DAY, 1, "stuck")])
        .await
        .unwrap();
    for n in 0..100 {
        let sent = t.store.append(good, vec![event(DAY, 8, &noise(n, 1000))]);
        let sent = tokio::time::timeout(Duration::from_secs(30), sent).await;
        sent.expect("it does not wait").unwrap();
    }
    // Sessions of others, of another hour, and of the hour itself.
    let of = |target, hours: Option<&str>| Scope {
        target,
        days: days(DAY, DAY),
        hours: hours.map_or(Hours::ALL, |hours| hours.parse().unwrap()),
    };
    assert_eq!(
        t.session(of(Target::Space(t.space), None)).await.events,
        100
    );
    t.store
        .append(bad, vec![event(DAY, 2, "of another hour")])
        .await
        .unwrap();
    let session = t
        .session(of(Target::Space(t.other_space), Some("02-02")))
        .await;
    assert_eq!(session.events, 1);
    let all = t.new_session(of(Target::Space(t.other_space), None));
    let refused = t.store.create_session(all.clone()).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Unsealable { hour, .. } if hour.number() == 1),
        "{refused}"
    );
    // It is reported, counts, is detected when repeated, and survives a restart.
    assert_eq!(t.store.stats().hours_apart, 1);
    let t = t.crash_and_reopen().await;
    assert_eq!(held(&t, Target::Space(t.other_space)).await, 2);
    let again = t
        .store
        .append(bad, vec![event(DAY, 1, "stuck"), event(DAY, 1, "more")])
        .await
        .unwrap();
    assert_eq!((again.stored, again.duplicates), (1, 1));
    assert_eq!(held(&t, Target::Space(t.other_space)).await, 3);
    // As soon as the path is free, it is sealed, once.
    fs::remove_file(&place).unwrap();
    let session = t.store.create_session(all).await.unwrap();
    assert_eq!((session.events, t.store.stats().hours_apart), (3, 0));
    let again = t
        .store
        .append(bad, vec![event(DAY, 1, "stuck")])
        .await
        .unwrap();
    assert_eq!(again.duplicates, 1);
    let t = t.crash_and_reopen().await;
    assert_eq!(held(&t, Target::Space(t.other_space)).await, 3);
    let (findings, _) = t.scrub().await;
    assert!(findings.is_empty(), "{findings:?}");
}

/// The control: when the archive accepts no file at all, nothing is set apart, and the log keeps the events.
#[tokio::test]
async fn an_archive_that_takes_nothing_is_no_matter_of_an_hour() {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    let archive = t.data_dir().join("archive");
    fs::remove_dir_all(&archive).unwrap();
    fs::write(&archive, "no directory").unwrap();
    let session = t.new_session(everything(Target::Space(t.space)));
    t.store.create_session(session).await.unwrap_err();
    assert_eq!(t.store.stats().hours_apart, 0);
    fs::remove_file(&archive).unwrap();
    let t = t.crash_and_reopen().await;
    assert_eq!(
        t.session(everything(Target::Space(t.space))).await.events,
        1
    );
}

#[tokio::test]
async fn a_deletion_that_is_refused_has_deleted_nothing() {
    let t = TestStore::new().await;
    let scope = everything(Target::Space(t.space));
    t.send(&[event(DAY, 1, "sealed")]).await;
    t.session(scope).await;
    let place = block_hour(&t, Domain::Space(t.space), DAY, 2);
    t.send(&[event(DAY, 2, "unsealed")]).await;
    let refused = t
        .store
        .delete_events(scope, "ann", false)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StoreError::Unsealable { .. }),
        "{refused}"
    );
    assert_eq!(held(&t, Target::Space(t.space)).await, 2);
    fs::remove_file(place).unwrap();
    let deleted = t.store.delete_events(scope, "ann", false).await.unwrap();
    assert_eq!((deleted.count, deleted.is_owed), (2, false));
}

#[tokio::test]
async fn an_object_that_cannot_be_erased_keeps_no_other_and_is_told() {
    let t = TestStore::new().await;
    let events: Vec<_> = (0..10).map(|hour| event(DAY, hour, "secret")).collect();
    t.send(&events).await;
    let scope = everything(Target::Space(t.space));
    let session = t.session(scope).await;
    t.store.delete_session(t.user, session.id).await.unwrap();
    let archive = t.data_dir().join("archive");
    let stuck = files_below(&archive).into_iter().min().unwrap();
    obstruct(&stuck);
    let deleted = t.store.delete_events(scope, "ann", false).await.unwrap();
    assert_eq!((deleted.count, deleted.is_owed), (10, true));
    assert_eq!(
        files_below(&archive),
        Vec::<PathBuf>::new(),
        "the others are gone"
    );
    assert!(t.store.stats().erase_failures > 0);
    // A later deletion succeeds once the bytes are gone.
    fs::remove_dir_all(&stuck).unwrap();
    fs::write(&stuck, "secret").unwrap();
    let after = t.store.delete_events(scope, "ann", false).await.unwrap();
    assert_eq!((after.count, after.is_owed), (0, false));
    assert!(!stuck.exists());
}

#[tokio::test]
async fn nothing_is_erased_before_its_deletion_is_signed() {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    let scope = everything(Target::Space(t.space));
    t.session(scope).await;
    let (archive, checkpoints) = (
        t.data_dir().join("archive"),
        t.data_dir().join("checkpoints"),
    );
    let away = t.data_dir().with_extension("checkpoints");
    fs::rename(&checkpoints, &away).unwrap();
    obstruct(&checkpoints);
    let deleted = t.store.delete_events(scope, "ann", false).await.unwrap();
    assert_eq!((deleted.count, deleted.is_owed), (1, true));
    assert_eq!(held(&t, Target::Space(t.space)).await, 0);
    assert_eq!(files_below(&archive).len(), 1, "it waits for the signature");
    t.store.close().await.unwrap();
    fs::remove_dir_all(&checkpoints).unwrap();
    fs::rename(&away, &checkpoints).unwrap();
    let t = t.crash_and_reopen().await;
    assert_eq!(files_below(&archive), Vec::<PathBuf>::new());
    assert_eq!(held(&t, Target::Space(t.space)).await, 0);
}

#[tokio::test]
async fn an_hour_that_cannot_be_compacted_keeps_no_other_waiting() {
    let t = TestStore::new().await;
    let spaces = [Domain::Space(t.space), Domain::Space(t.other_space)];
    for n in 0..3 {
        for space in spaces {
            t.store
                .append(space, vec![event(DAY, 1, &n.to_string())])
                .await
                .unwrap();
        }
        t.session(everything(Target::Account(t.account))).await;
    }
    let hour = |domain| {
        t.data_dir()
            .join(format!("archive/domain={domain}/date={DAY}/hour=01"))
    };
    let first = files_below(&hour(spaces[0])).into_iter().min().unwrap();
    let id: uuid::Uuid = first.file_name().unwrap().to_str().unwrap()[..36]
        .parse()
        .unwrap();
    let next = uuid::Uuid::from_u128(id.as_u128() + 1);
    obstruct(&first.with_file_name(format!("{next}.ndjson.gz")));
    t.clock.advance(Duration::from_secs(2 * 86_400));
    let done = t.store.compact().await.unwrap();
    assert_eq!(
        (done.objects_in, done.objects_out, done.failed.len()),
        (3, 1, 1)
    );
    assert_eq!(files_below(&hour(spaces[1])).len(), 1);
    assert_eq!(held(&t, Target::Account(t.account)).await, 6);
}

#[tokio::test]
async fn a_domain_whose_retention_fails_keeps_no_other_waiting() {
    let t = TestStore::new().await;
    for space in [t.space, t.other_space] {
        let sent = vec![event("2017-07-20", 1, "old")];
        t.store.append(Domain::Space(space), sent).await.unwrap();
        let one_day = Retention::Days(NonZeroU32::new(1).unwrap());
        t.store
            .set_retention(Target::Space(space), one_day, "ann")
            .await
            .unwrap();
    }
    t.session(everything(Target::Account(t.account))).await;
    let catalog = t.catalog().await;
    // Damage: the log's size differs from that of its tree.
    let damage = "UPDATE logs SET size = size + 1 WHERE domain = (SELECT domain FROM domains WHERE space = ?)";
    catalog.run_with(damage, t.space.as_bytes()).await;
    catalog.close().await;
    t.store.sweep().await.unwrap_err();
    assert_eq!(held(&t, Target::Space(t.other_space)).await, 0);
    assert_eq!(held(&t, Target::Space(t.space)).await, 1);
    assert_eq!(t.store.stats().sweep_failures, 1);
}

#[tokio::test]
async fn a_log_file_that_is_gone_already_stops_no_trimming() {
    let t = TestStore::with(|settings| settings.wal_file_bytes = 1 << 20).await;
    let wal = t.data_dir().join("wal");
    for n in 0..4 {
        t.send(&[event(DAY, 1, &noise(n, 900_000))]).await;
    }
    let oldest = files_below(&wal).into_iter().min().unwrap();
    fs::remove_file(oldest).unwrap();
    let scope = everything(Target::Space(t.space));
    t.session(scope).await;
    assert!(files_below(&wal).len() <= 2, "{:?}", files_below(&wal));
    t.store.delete_events(scope, "ann", false).await.unwrap();
}

#[tokio::test]
async fn a_space_that_is_gone_is_not_refused_for_what_was_asked_before() {
    let t = TestStore::with(|settings| settings.max_sessions_per_hour = 2).await;
    let sent = vec![event(DAY, 1, "a")];
    t.store.append(Domain::Space(t.space), sent).await.unwrap();
    t.session(everything(Target::Space(t.space))).await;
    // The remaining one of the two events.
    let deleted = t
        .store
        .delete_space(t.space, "ann", EventsOfSpace::Go)
        .await
        .unwrap();
    assert_eq!(deleted.count, 1);
    let gone = t.store.tenancy().space(t.space).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_space_that_cannot_be_deleted_is_told_with_what_was() {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    t.session(everything(Target::Space(t.space))).await;
    let catalog = t.catalog().await;
    let refuse =
        "CREATE TRIGGER refuse BEFORE DELETE ON spaces BEGIN SELECT RAISE(ABORT, 'no'); END";
    catalog.run(refuse).await;
    catalog.close().await;
    let partly = t
        .store
        .delete_space(t.space, "ann", EventsOfSpace::Go)
        .await
        .unwrap_err();
    assert!(
        matches!(partly, StoreError::Partly { done, .. } if done.count == 1),
        "{partly}"
    );
    assert!(
        partly.to_string().contains("1 events were deleted"),
        "{partly}"
    );
}

#[tokio::test]
async fn hours_come_in_their_order_whenever_they_were_sealed() {
    let t = TestStore::new().await;
    let scope = everything(Target::Space(t.space));
    for (hour, text) in [
        (9, "second"),
        (5, "first"),
        (9, "third"),
        (23, "last"),
        (10, "fourth"),
    ] {
        t.send(&[event(DAY, hour, text)]).await;
        t.session(scope).await;
    }
    let expected = [
        (5, "first"),
        (9, "second"),
        (9, "third"),
        (10, "fourth"),
        (23, "last"),
    ];
    let expected: Vec<_> = expected.map(|(hour, text)| event(DAY, hour, text)).into();
    let session = t.session(scope).await;
    assert_eq!(t.lines(session.id).await, crate::support::texts(&expected));
}

/// A copy that fails near its end leaves the earlier backup intact, with nothing beside it.
#[tokio::test]
async fn a_backup_that_fails_leaves_the_earlier_one_as_it_was() {
    let t = TestStore::new().await;
    let scope = everything(Target::Space(t.space));
    t.send(&[event(DAY, 1, "a"), event(DAY, 2, "b")]).await;
    t.session(scope).await;
    let into = t.data_dir().with_extension("backup");
    let mut quiet = |_| {};
    atrail_care::backup(t.data_dir(), &into, false, &mut quiet)
        .await
        .unwrap();
    t.store.delete_events(scope, "ann", false).await.unwrap();
    t.send(&[event(DAY, 3, "c")]).await;
    t.session(scope).await;
    let dedup = t.data_dir().join("dedup");
    fs::rename(&dedup, t.data_dir().with_extension("dedup")).unwrap();
    fs::write(&dedup, "no directory").unwrap();
    atrail_care::backup(t.data_dir(), &into, true, &mut quiet)
        .await
        .unwrap_err();
    let found = findings(&into).await;
    assert_eq!(found, Vec::<String>::new());
    // The control: a successful copy has only the new objects.
    fs::remove_file(&dedup).unwrap();
    fs::rename(t.data_dir().with_extension("dedup"), &dedup).unwrap();
    atrail_care::backup(t.data_dir(), &into, true, &mut quiet)
        .await
        .unwrap();
    assert_eq!(findings(&into).await, Vec::<String>::new());
    assert_eq!(files_below(&into.join("archive")).len(), 1);
}

async fn findings(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut on_step = |step| {
        if let atrail_care::ScrubStep::Found(finding) = step {
            found.push(format!("{finding:?}"));
        }
    };
    let options = atrail_care::ScrubOptions::default();
    atrail_care::scrub(dir, options, &mut on_step)
        .await
        .unwrap();
    found
}
