//! What deletions and seals still owe after a failure, who waits for that, and how it is reported.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use atrail_evidence::{Expectations, verify};
use atrail_model::{Domain, Hours, Retention, Scope, Target};
use atrail_store::{NewSession, StoreError};

use crate::support::{TestStore, event, ever, files_below, noise};

const DAY: &str = "2017-07-24";
const SECRET: &str = "a-secret-text";

fn everything(target: Target) -> Scope {
    Scope {
        target,
        days: ever(),
        hours: Hours::ALL,
    }
}

/// Replaces a file with a non-empty directory, so that it cannot be unlinked; returns the file's bytes.
fn obstruct(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_default();
    let _ = fs::remove_file(path);
    fs::create_dir_all(path.join("in the way")).unwrap();
    bytes
}

/// Restores the file, as if its removal had failed.
fn put_back(path: &Path, bytes: &[u8]) {
    fs::remove_dir_all(path).unwrap();
    fs::write(path, bytes).unwrap();
}

fn objects(t: &TestStore) -> Vec<PathBuf> {
    files_below(&t.data_dir().join("archive"))
}

/// Returns the number of log files with this text.
fn logged(t: &TestStore, text: &str) -> usize {
    let files = files_below(&t.data_dir().join("wal")).into_iter();
    let files = files.filter(|file| {
        let bytes = fs::read(file).unwrap_or_default();
        memchr::memmem::find(&bytes, text.as_bytes()).is_some()
    });
    files.count()
}

/// Bytes that retention deleted stay where a session has pinned them; a deletion on request erases them.
#[tokio::test]
async fn a_deletion_takes_with_it_what_retention_took_before() {
    let t = TestStore::new().await;
    let scope = everything(Target::Space(t.space));
    for hour in [1, 2] {
        t.send(&[event("2017-07-20", hour, "old")]).await;
    }
    let pinned = t.session(scope).await;
    let one_day = Retention::Days(NonZeroU32::new(1).unwrap());
    let set = t.store.set_retention(scope.target, one_day, "ann");
    set.await.unwrap();
    assert_eq!(t.store.sweep().await.unwrap().count, 2);
    assert_eq!(t.lines(pinned.id).await.len(), 2, "the control");
    assert_eq!(objects(&t).len(), 2, "the control");

    let deleted = t.store.delete_events(scope, "bob", false).await.unwrap();
    assert_eq!((deleted.count, deleted.is_owed), (0, false));
    assert_eq!(objects(&t), Vec::<PathBuf>::new());
    let gone = t.open(pinned.id).await.unwrap_err();
    assert!(
        matches!(&gone, StoreError::Gone { reason, .. } if reason.contains("bob")),
        "{gone}"
    );
    // The log has the retention's deletion, and no second one of the same events.
    let session = t.session(scope).await;
    let receipt = t.store.receipt(t.user, session.id).await.unwrap();
    let receipt = String::from_utf8(receipt.to_vec()).unwrap();
    let expected = Expectations {
        keys: vec![t.store.verifier_key().await],
        ..Expectations::default()
    };
    let file = t.gzip(session.id).await;
    let report = verify(&receipt, &expected, file.as_slice()).unwrap();
    let [facts] = report.domains.as_slice() else {
        panic!("{report:?}");
    };
    let told = [&facts.by_retention, &facts.by_request];
    assert_eq!(
        told.map(|told| (told.deletions, told.events)),
        [(1, 2), (0, 0)]
    );
    let again = t.store.delete_events(scope, "bob", false).await.unwrap();
    assert_eq!((again.count, again.is_owed), (0, false));
}

#[tokio::test]
async fn sessions_are_listed_oldest_first_and_those_of_a_space_by_themselves() {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    let mut made = Vec::new();
    for number in 0..8 {
        let space = if number % 3 == 0 {
            t.other_space
        } else {
            t.space
        };
        let new = NewSession {
            space: Some(space),
            ..t.new_session(everything(Target::Account(t.account)))
        };
        let session = t.store.create_session(new).await.unwrap();
        made.push((space, session.id));
        t.clock.advance(Duration::from_secs(1));
    }
    for listed in [None, Some(t.space), Some(t.other_space)] {
        let sessions = t.store.sessions(t.user, listed).await.unwrap();
        let ids: Vec<_> = sessions.iter().map(|session| session.id).collect();
        let of_space = |space| listed.is_none_or(|listed| listed == space);
        let expected = made.iter().filter(|(space, _)| of_space(*space));
        let expected: Vec<_> = expected.map(|(_, id)| *id).collect();
        assert_eq!(ids, expected, "{listed:?}");
    }
}

/// The checkpoints of a store while they cannot be written.
struct UnwritableCheckpoints {
    file: PathBuf,
    away: PathBuf,
}

impl UnwritableCheckpoints {
    fn of(t: &TestStore) -> Self {
        let file = t.data_dir().join("checkpoints");
        let away = t.data_dir().with_extension("checkpoints");
        fs::rename(&file, &away).unwrap();
        obstruct(&file);
        Self { file, away }
    }

    fn mend(self) {
        fs::remove_dir_all(&self.file).unwrap();
        fs::rename(&self.away, &self.file).unwrap();
    }
}

/// The signed history lets a later start detect a catalog that is older than the archive: then only the log has the
/// rest.
#[tokio::test]
async fn the_log_is_signed_before_it_is_trimmed() {
    for can_sign in [true, false] {
        let t = TestStore::with(|settings| settings.wal_file_bytes = 1 << 20).await;
        let wal = t.data_dir().join("wal");
        // There is a signature already.
        t.send(&[event("2017-07-23", 1, "a")]).await;
        t.session(everything(Target::Space(t.space))).await;
        for n in 0..4 {
            t.send(&[event(DAY, 1, &noise(n, 900_000))]).await;
        }
        let before = files_below(&wal).len();
        assert!(before >= 4, "the control: {before}");
        let unwritable = (!can_sign).then(|| UnwritableCheckpoints::of(&t));
        let new = t.new_session(everything(Target::Space(t.space)));
        let made = t.store.create_session(new).await;
        assert_eq!(made.is_ok(), can_sign, "{made:?}");
        assert_eq!(objects(&t).len(), 2, "the control: it is sealed");
        let after = files_below(&wal).len();
        assert_eq!(after < before, can_sign, "{before} files, then {after}");
        let Some(unwritable) = unwritable else {
            continue;
        };
        t.store.close().await.unwrap();
        unwritable.mend();
        let t = t.crash_and_reopen().await;
        let session = t.session(everything(Target::Space(t.space))).await;
        assert_eq!(session.events, 5);
    }
}

/// A catalog that is older than the seal, and is put back, finds in the log what no checkpoint covers.
#[tokio::test]
async fn a_deletion_keeps_what_is_not_signed_in_the_log() {
    for can_sign in [true, false] {
        let t = TestStore::new().await;
        t.send(&[event("2017-07-23", 1, "a")]).await;
        t.session(everything(Target::Space(t.space))).await;
        t.send(&[
            event(DAY, 1, "of another day"),
            event("2017-07-22", 1, SECRET),
        ])
        .await;
        let unwritable = (!can_sign).then(|| UnwritableCheckpoints::of(&t));
        let scope = t.scope("2017-07-22", "2017-07-22");
        let deleted = t.store.delete_events(scope, "ann", false).await.unwrap();
        assert_eq!((deleted.count, deleted.is_owed), (1, !can_sign));
        assert_eq!(logged(&t, "of another day") == 0, can_sign);
        let Some(unwritable) = unwritable else {
            continue;
        };
        t.store.close().await.unwrap();
        unwritable.mend();
        let t = t.crash_and_reopen().await;
        t.store.delete_events(scope, "ann", false).await.unwrap();
        assert_eq!(logged(&t, SECRET), 0, "it is made up for");
        assert_eq!(objects(&t).len(), 2);
    }
}

/// A deletion that could not erase all of its bytes, from the archive or from the log, and then what comes after it.
#[tokio::test]
async fn an_erasure_that_is_owed_is_made_later_and_after_a_crash() {
    for crashes in [false, true] {
        for of_log in [false, true] {
            let what = format!("a crash: {crashes}, the log: {of_log}");
            let t = TestStore::new().await;
            let scope = everything(Target::Space(t.space));
            t.send(&[event(DAY, 1, SECRET), event(DAY, 2, SECRET)])
                .await;
            let session = t.session(scope).await;
            t.store.delete_session(t.user, session.id).await.unwrap();
            let files = if of_log {
                files_below(&t.data_dir().join("wal"))
            } else {
                objects(&t)
            };
            let stuck = files.into_iter().min().unwrap();
            let bytes = obstruct(&stuck);
            let deleted = t.store.delete_events(scope, "ann", false).await.unwrap();
            assert_eq!((deleted.count, deleted.is_owed), (2, true), "{what}");
            let t = if crashes {
                // Nobody tries again meanwhile.
                t.store.close().await.unwrap();
                put_back(&stuck, &bytes);
                t.crash_and_reopen().await
            } else {
                put_back(&stuck, &bytes);
                let after = t.store.delete_events(scope, "ann", false).await.unwrap();
                assert_eq!((after.count, after.is_owed), (0, false), "{what}");
                t
            };
            assert_eq!(objects(&t), Vec::<PathBuf>::new(), "{what}");
            assert_eq!(logged(&t, SECRET), 0, "{what}");
        }
    }
}

#[tokio::test]
async fn each_erasure_that_fails_is_counted() {
    let t = TestStore::new().await;
    let scope = everything(Target::Space(t.space));
    let events: Vec<_> = (0..10).map(|hour| event(DAY, hour, SECRET)).collect();
    t.send(&events).await;
    let session = t.session(scope).await;
    t.store.delete_session(t.user, session.id).await.unwrap();
    assert_eq!(t.store.stats().erase_failures, 0, "the control");
    let mut files = objects(&t);
    files.sort();
    for stuck in &files[..3] {
        obstruct(stuck);
    }
    t.store.delete_events(scope, "ann", false).await.unwrap();
    // Each try finds the three again: two of the deletion, and one that the background has added since.
    let failures = t.store.stats().erase_failures;
    assert!(failures >= 6 && failures.is_multiple_of(3), "{failures}");
    for stuck in &files[..3] {
        put_back(stuck, b"");
    }
    t.store.delete_events(scope, "ann", false).await.unwrap();
    assert_eq!(objects(&t), Vec::<PathBuf>::new());
    let failures = t.store.stats().erase_failures;
    t.send(&[event(DAY, 1, "more")]).await;
    t.store.delete_events(scope, "ann", false).await.unwrap();
    assert_eq!(t.store.stats().erase_failures, failures, "the control");
}

#[tokio::test]
async fn an_hour_that_is_set_apart_stops_its_own_day_and_says_why() {
    let t = TestStore::new().await;
    let domain = Domain::Space(t.space);
    let place = format!("archive/domain={domain}/date={DAY}/hour=01");
    let place = t.data_dir().join(place);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, "no directory").unwrap();
    let around = ["2017-07-22", "2017-07-23", "2017-07-25"];
    let days = around.into_iter().chain([DAY]);
    let events: Vec<_> = days.map(|day| event(day, 1, "a")).collect();
    t.send(&events).await;
    let refused = |error: &StoreError| match error {
        StoreError::Unsealable { day, hour, why, .. } => {
            assert_eq!((day.to_string().as_str(), hour.number()), (DAY, 1));
            assert!(why.contains("hour=01"), "{why}");
        }
        other => panic!("{other}"),
    };
    for (first, last, is_stopped) in [
        ("2017-07-22", "2017-07-23", false),
        ("2017-07-25", "2017-07-25", false),
        ("2017-07-23", DAY, true),
        (DAY, "2017-07-25", true),
        ("2017-07-22", "2017-07-25", true),
        (DAY, DAY, true),
    ] {
        let scope = t.scope(first, last);
        let made = t.store.create_session(t.new_session(scope)).await;
        match &made {
            Err(error) if is_stopped => refused(error),
            Ok(session) if !is_stopped => assert!(session.events > 0),
            other => panic!("{first} to {last}: {other:?}"),
        }
    }
    for (day, is_stopped) in [(around[0], false), (around[2], false), (DAY, true)] {
        let deleted = t.store.delete_events(t.scope(day, day), "ann", false).await;
        match &deleted {
            Err(error) if is_stopped => refused(error),
            Ok(deleted) if !is_stopped => assert_eq!(deleted.count, 1),
            other => panic!("{day}: {other:?}"),
        }
    }
    fs::remove_file(place).unwrap();
    let session = t.session(everything(Target::Space(t.space))).await;
    assert_eq!(session.events, 2);
}
