//! Many small objects become few, and no download, count or deletion shows a difference.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use atrail_care::recover;
use atrail_evidence::{Manifest, hex};
use atrail_model::{Domain, SessionId, Target};
use atrail_store::{Compacted, NewEvent, StoreError};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

use crate::support::{TestStore, event, files_below, noise, texts};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_day_of_one_event_a_minute_leaves_one_file_an_hour() {
    let test = TestStore::new().await;
    let sent = a_day(&test, 5).await;
    assert_eq!(objects(&test).len(), 24 * 12, "the control: before");
    let before = test.session(test.scope("2017-07-26", "2017-07-26")).await;
    let bytes = test.gzip(before.id).await;
    let counts = test.counts(Target::Space(test.space)).await;
    assert_eq!(test.lines(before.id).await, texts(&sent));

    let done = test.store.compact().await.unwrap();
    assert_eq!((done.objects_in, done.objects_out), (288, 24));
    assert_eq!(done.bytes, bytes.len() as u64);
    assert_eq!(objects(&test).len(), 24);
    assert_eq!(test.counts(Target::Space(test.space)).await, counts);

    let after = test.session(test.scope("2017-07-26", "2017-07-26")).await;
    assert_eq!(test.lines(after.id).await, texts(&sent));
    assert_eq!(
        test.gzip(after.id).await,
        bytes,
        "the bytes are the same, cut differently"
    );
    let again = test.store.compact().await.unwrap();
    assert_eq!(again, Compacted::default(), "there is nothing left to do");
    let stats = test.store.stats();
    assert_eq!((stats.compactions, stats.compacted_objects), (24, 288));
    assert_eq!(stats.compacted_bytes, bytes.len() as u64);
    assert_eq!(stats.compaction_failures, 0);
}

#[tokio::test]
async fn an_open_session_keeps_every_byte_through_repeated_compaction_and_restarts() {
    let mut test = TestStore::new().await;
    test.clock.advance(DAY);
    let mut sessions = Vec::new();
    for round in 0..4 {
        for nth in 0..3 {
            test.send(&[event("2017-07-24", 7, &format!("{round}-{nth}"))])
                .await;
            // Each session seals, and pins the objects of its moment.
            let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
            sessions.push((session.id, session.etag, test.gzip(session.id).await));
        }
        assert!(test.store.compact().await.unwrap().objects_out > 0);
        assert_eq!(objects(&test).len(), 1, "round {round}");
        for (id, etag, bytes) in &sessions {
            check_session(&test, *id, *etag, bytes).await;
        }
        test = test.crash_and_reopen().await;
        for (id, etag, bytes) in &sessions {
            check_session(&test, *id, *etag, bytes).await;
        }
    }
}

/// Checks the bytes, any range of them, and the manifest with its hashes.
async fn check_session(test: &TestStore, id: SessionId, etag: [u8; 32], bytes: &[u8]) {
    assert_eq!(test.gzip(id).await, bytes);
    assert_eq!(test.store.session(test.user, id).await.unwrap().etag, etag);
    let text = test.store.manifest(test.user, id).await.unwrap();
    assert_eq!(<[u8; 32]>::from(Sha256::digest(&text)), etag);
    let manifest: Manifest = serde_json::from_slice(&text).unwrap();
    let mut at = 0;
    for part in &manifest.objects {
        let end = at + usize::try_from(part.length).unwrap();
        assert_eq!(hex(&Sha256::digest(&bytes[at..end])), part.sha256);
        at = end;
    }
    let middle = bytes.len() as u64 / 2;
    let download = test.open(id).await.unwrap();
    let stream = download.read(middle..middle + 50).await.unwrap();
    let part: Vec<_> = futures_util::TryStreamExt::try_collect(stream)
        .await
        .unwrap();
    let middle = bytes.len() / 2;
    assert_eq!(part.concat(), bytes[middle..middle + 50]);
}

#[tokio::test]
async fn a_download_under_way_goes_on() {
    let test = TestStore::new().await;
    test.clock.advance(DAY);
    for nth in 0..50 {
        test.send(&[event("2017-07-24", 7, &noise(nth, 30_000))])
            .await;
        seal(&test).await;
    }
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    let whole = test.gzip(session.id).await;
    let download = test.open(session.id).await.unwrap();
    let mut stream = download.read(0..session.total_bytes).await.unwrap();
    let mut got = stream.next().await.unwrap().unwrap().to_vec();
    assert!(
        got.len() < whole.len() / 3,
        "the control: most is still to be read"
    );
    assert_eq!(test.store.compact().await.unwrap().objects_in, 50);
    while let Some(chunk) = stream.next().await {
        got.extend_from_slice(&chunk.unwrap());
    }
    assert!(got == whole);
}

#[tokio::test]
async fn without_a_session_nothing_is_remembered() {
    let test = TestStore::new().await;
    for nth in 0..3 {
        test.send(&[event("2017-07-24", 7, &nth.to_string())]).await;
        seal(&test).await;
    }
    test.session(test.scope("2017-07-25", "2017-07-25")).await;
    assert_eq!(test.store.compact().await.unwrap().objects_in, 3);
    assert_eq!(moved(&test).await, 0);
}

#[tokio::test]
async fn an_hour_is_left_alone_until_an_hour_after_its_end() {
    let test = TestStore::new().await;
    // It is 10:29; the hour before ended at 10:00.
    for hour in [8, 9, 10, 11] {
        for nth in 0..2 {
            test.send(&[event("2017-07-25", hour, &nth.to_string())])
                .await;
            test.session(test.scope("2017-07-25", "2017-07-25")).await;
        }
    }
    assert_eq!(test.store.compact().await.unwrap().objects_out, 1);
    test.clock.advance(MINUTE * 30);
    assert_eq!(test.store.compact().await.unwrap().objects_out, 0);
    test.clock.advance(MINUTE);
    assert_eq!(test.store.compact().await.unwrap().objects_out, 1);
    test.clock.advance(DAY);
    assert_eq!(test.store.compact().await.unwrap().objects_out, 2);
    assert_eq!(objects(&test).len(), 4);
}

#[tokio::test]
async fn late_events_join_without_rewriting_a_large_object_each_time() {
    let test = TestStore::new().await;
    test.clock.advance(DAY);
    let noise = noise(0, 400_000);
    test.send(&[event("2017-07-24", 7, &noise)]).await;
    seal(&test).await;
    let mut sent = vec![event("2017-07-24", 7, &noise)];
    let mut written = 0;
    for nth in 0..12 {
        let late = event("2017-07-24", 7, &format!("late {nth}"));
        test.send(std::slice::from_ref(&late)).await;
        sent.push(late);
        seal(&test).await;
        written += test.store.compact().await.unwrap().bytes;
        assert!(objects(&test).len() <= 2);
    }
    assert!(written < 20_000, "{written} bytes were written");
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    assert_eq!(test.lines(session.id).await, texts(&sent));
}

#[tokio::test]
async fn deleted_events_do_not_come_back_and_their_bytes_go() {
    let test = TestStore::new().await;
    test.clock.advance(DAY);
    small_objects(&test, 4).await;
    let hit = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    test.store.compact().await.unwrap();
    let scope = test.scope("2017-07-24", "2017-07-24");
    let deleted = test.store.delete_events(scope, "mallory", false).await;
    assert_eq!(deleted.unwrap().count, 4);
    assert!(objects(&test).is_empty());
    let gone = test.open(hit.id).await;
    assert!(
        matches!(gone, Err(StoreError::Gone { .. })),
        "the session knows the objects by their former ids"
    );
    assert_eq!(test.store.compact().await.unwrap(), Compacted::default());
    let test = test.crash_and_reopen().await;
    assert!(test.counts(Target::Space(test.space)).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_seals_sessions_and_compactions_at_once_lose_and_double_nothing() {
    let test = TestStore::new().await;
    test.clock.advance(DAY);
    let mut kept = BTreeMap::new();
    for round in 0..12 {
        let day = format!("2017-07-{:02}", 10 + round % 3);
        let compacting = tokio::spawn({
            let store = test.store.clone();
            async move { store.compact().await.unwrap() }
        });
        for nth in 0..4 {
            let late = event(&day, 7, &format!("{round}-{nth}"));
            test.send(std::slice::from_ref(&late)).await;
            kept.entry(day.clone()).or_insert_with(Vec::new).push(late);
            test.session(test.scope(&day, &day)).await;
            if round % 4 == 3 && nth == 1 {
                let scope = test.scope(&day, &day);
                test.store
                    .delete_events(scope, "admin", false)
                    .await
                    .unwrap();
                kept.insert(day.clone(), Vec::new());
            }
        }
        compacting.await.unwrap();
        for (day, events) in &kept {
            let session = test.session(test.scope(day, day)).await;
            assert_eq!(test.lines(session.id).await, texts(events), "round {round}");
            test.store
                .delete_session(test.user, session.id)
                .await
                .unwrap();
        }
        for session in test.store.sessions(test.user, None).await.unwrap() {
            test.store
                .delete_session(test.user, session.id)
                .await
                .unwrap();
        }
    }
    test.store.compact().await.unwrap();
    let full = kept.values().filter(|events| !events.is_empty()).count();
    assert_eq!(objects(&test).len(), full);
}

#[tokio::test]
async fn a_damaged_object_is_named_and_left_and_the_rest_is_compacted() {
    let test = TestStore::new().await;
    test.clock.advance(DAY);
    small_objects(&test, 7).await;
    let mut files = objects(&test);
    files.sort();
    let sound = std::fs::read(&files[3]).unwrap();
    let mut broken = sound.clone();
    broken[100] ^= 1;
    std::fs::write(&files[3], &broken).unwrap();
    let name = files[3].file_name().unwrap().to_str().unwrap().to_owned();

    let done = test.store.compact().await.unwrap();
    assert_eq!((done.objects_in, done.objects_out), (6, 2));
    assert!(done.damaged[0].ends_with(&name), "{:?}", done.damaged);
    assert_eq!(objects(&test).len(), 3, "before, the damaged one, behind");
    assert_eq!(std::fs::read(&files[3]).unwrap(), broken);
    assert_eq!(
        test.store.compact().await.unwrap(),
        Compacted::default(),
        "it is not read again in every round"
    );
    assert_eq!(test.store.stats().compaction_failures, 1);

    std::fs::write(&files[3], &sound).unwrap();
    test.clock.advance(DAY);
    let done = test.store.compact().await.unwrap();
    assert_eq!((done.objects_in, done.objects_out), (3, 1), "restored");
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    let expected: Vec<_> = (0..7).map(|nth| nth.to_string()).collect();
    let lines = test.lines(session.id).await;
    assert!(
        lines
            .iter()
            .zip(&expected)
            .all(|(line, nth)| line.contains(&format!("\"{nth}\"")))
    );
    assert_eq!(lines.len(), 7);
}

#[tokio::test]
async fn a_missing_object_stops_nothing_else() {
    let test = TestStore::new().await;
    test.clock.advance(DAY);
    small_objects(&test, 3).await;
    let mut files = objects(&test);
    files.sort();
    std::fs::remove_file(&files[0]).unwrap();
    let other = Domain::Space(test.other_space);
    let done = test.store.compact().await.unwrap();
    assert_eq!((done.objects_in, done.damaged.len()), (2, 1));
    test.store
        .append(other, vec![event("2017-07-24", 7, "x")])
        .await
        .unwrap();
}

#[tokio::test]
async fn scrub_and_recover_understand_what_compaction_made() {
    let test = TestStore::new().await;
    test.clock.advance(DAY);
    small_objects(&test, 4).await;
    let sources: Vec<_> = objects(&test)
        .into_iter()
        .map(|path| (std::fs::read(&path).unwrap(), path))
        .collect();
    test.store.compact().await.unwrap();
    let (findings, report) = test.scrub().await;
    assert_eq!(findings, []);
    assert_eq!((report.objects, report.events), (1, 4));

    let (dir, clock) = test.end().await;
    // As after a crash between the commit and the erasure, when the catalog is lost as well.
    for (bytes, path) in &sources[..3] {
        std::fs::write(path, bytes).unwrap();
    }
    let report = recover(&dir.path().join("data"), true, &*clock, &mut |_| ()).await;
    let report = report.unwrap();
    assert_eq!((report.superseded, report.left), (3, 0));
    let found = report.domains.iter().filter(|found| found.events > 0);
    let found: Vec<_> = found.map(|found| (found.objects, found.events)).collect();
    assert_eq!(found, [(1, 4)]);
}

/// Sends one event a minute through a day, and seals at this interval; afterwards the clock shows the next day.
async fn a_day(test: &TestStore, minutes_between_seals: u64) -> Vec<NewEvent> {
    let mut sent = Vec::new();
    for minute in 0..24 * 60 {
        let hour = u8::try_from(minute / 60).unwrap();
        let one = event("2017-07-26", hour, &format!("minute {minute}"));
        test.send(std::slice::from_ref(&one)).await;
        sent.push(one);
        if (minute + 1) % minutes_between_seals == 0 {
            seal(test).await;
        }
    }
    test.clock.advance(DAY * 2);
    sent
}

/// Seals as a session does, and leaves none behind.
async fn seal(test: &TestStore) {
    let session = test.session(test.scope("1999-01-01", "1999-01-01")).await;
    test.store
        .delete_session(test.user, session.id)
        .await
        .unwrap();
}

/// Creates this many objects of one event in the same hour, each sealed by a session that stays and pins it.
async fn small_objects(test: &TestStore, count: usize) {
    for nth in 0..count {
        test.send(&[event("2017-07-24", 7, &nth.to_string())]).await;
        test.session(test.scope("2017-07-24", "2017-07-24")).await;
    }
}

fn objects(test: &TestStore) -> Vec<PathBuf> {
    files_below(&test.data_dir().join("archive"))
}

async fn moved(test: &TestStore) -> i64 {
    let catalog = test.catalog().await;
    let count = catalog.number("SELECT COUNT(*) FROM moved_objects").await;
    catalog.close().await;
    count
}
