//! Deleted events are gone: from status, from new sessions, from the disk.

use atrail_model::Target;
use atrail_store::StoreError;

use crate::support::{TestStore, event, files_below, texts};

#[tokio::test]
async fn deleted_events_leave_status_sessions_and_the_disk() {
    let test = TestStore::new().await;
    let (kept, gone) = (
        event("2017-07-25", 7, "kept-text"),
        event("2017-07-24", 7, "gone-text"),
    );
    test.send(&[kept.clone(), gone.clone()]).await;
    assert!(
        holds(&test, "gone-text"),
        "the control: the text is found before"
    );
    let scope = test.scope("2017-07-24", "2017-07-24");

    let counted = test
        .store
        .delete_events(scope, "admin", true)
        .await
        .unwrap();
    assert_eq!(
        test.counts(Target::Space(test.space)).await.len(),
        2,
        "a dry run deletes nothing"
    );
    let deleted = test
        .store
        .delete_events(scope, "admin", false)
        .await
        .unwrap();
    assert_eq!(counted, deleted);
    assert_eq!(
        (deleted.count, deleted.size_bytes),
        (1, gone.line.len() as u64)
    );

    assert!(!holds(&test, "gone-text"));
    assert_eq!(files_below(&test.data_dir().join("archive")).len(), 1);
    assert_eq!(test.counts(Target::Space(test.space)).await.len(), 1);
    let session = test.session(test.scope("2017-07-24", "2017-07-25")).await;
    assert_eq!(test.lines(session.id).await, texts(&[kept]));
    let test = test.crash_and_reopen().await;
    assert_eq!(
        test.counts(Target::Space(test.space)).await.len(),
        1,
        "after a restart too"
    );
    assert_eq!(
        test.store
            .delete_events(scope, "admin", false)
            .await
            .unwrap()
            .count,
        0
    );
}

#[tokio::test]
async fn deleted_bytes_leave_the_log_while_others_write() {
    let test = TestStore::new().await;
    let writing = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, space, writing) = (test.store.clone(), test.space, writing.clone());
            tokio::spawn(async move {
                while writing.load(std::sync::atomic::Ordering::Relaxed) {
                    let batch = vec![event("2017-07-25", writer, "kept")];
                    store
                        .append(atrail_model::Domain::Space(space), batch)
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for round in 0..5 {
        let text = format!("gone-text-{round}");
        test.send(&[event("2017-07-24", 7, &text)]).await;
        let scope = test.scope("2017-07-24", "2017-07-24");
        assert_eq!(
            test.store
                .delete_events(scope, "admin", false)
                .await
                .unwrap()
                .count,
            1
        );
        let log = files_below(&test.data_dir().join("wal"));
        let found = log.iter().filter_map(|path| std::fs::read(path).ok());
        let found = found.filter(|bytes| memchr::memmem::find(bytes, text.as_bytes()).is_some());
        assert_eq!(found.count(), 0, "round {round}");
    }
    writing.store(false, std::sync::atomic::Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn only_the_asked_hours_and_target_go() {
    let test = TestStore::new().await;
    test.send(&[
        event("2017-07-24", 6, "a"),
        event("2017-07-24", 7, "b"),
        event("2017-07-24", 8, "c"),
    ])
    .await;
    let other = atrail_model::Domain::Space(test.other_space);
    test.store
        .append(other, vec![event("2017-07-24", 7, "d")])
        .await
        .unwrap();
    let mut scope = test.scope("2017-07-24", "2017-07-24");
    scope.hours = "7".parse().unwrap();
    assert_eq!(
        test.store
            .delete_events(scope, "admin", false)
            .await
            .unwrap()
            .count,
        1
    );
    assert_eq!(test.counts(Target::Account(test.account)).await[0].1, 3);
    scope.target = Target::Account(test.account);
    assert_eq!(
        test.store
            .delete_events(scope, "admin", false)
            .await
            .unwrap()
            .count,
        1
    );
}

#[tokio::test]
async fn a_session_that_lost_events_says_who_did_it_and_others_go_on() {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 7, "a"), event("2017-07-25", 7, "b")])
        .await;
    let hit = test.session(test.scope("2017-07-24", "2017-07-25")).await;
    let missed = test.session(test.scope("2017-07-25", "2017-07-25")).await;
    test.store
        .delete_events(test.scope("2017-07-24", "2017-07-24"), "mallory", false)
        .await
        .unwrap();
    let error = test.open(hit.id).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Gone { reason, .. } if reason.contains("mallory")),
        "{error}"
    );
    assert!(matches!(
        test.store.manifest(test.user, hit.id).await,
        Err(StoreError::Gone { .. })
    ));
    assert_eq!(test.lines(missed.id).await.len(), 1);
}

/// Reports whether any file of the store has this text, compressed or not.
fn holds(test: &TestStore, text: &str) -> bool {
    use std::io::Read;
    files_below(test.data_dir()).iter().any(|path| {
        let mut bytes = std::fs::read(path).unwrap();
        if path.extension().is_some_and(|ending| ending == "gz") {
            let compressed = std::mem::take(&mut bytes);
            flate2::read::MultiGzDecoder::new(compressed.as_slice())
                .read_to_end(&mut bytes)
                .unwrap();
        }
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn deletions_count_towards_the_limit_of_an_hour_and_counting_does_not() {
    let test = TestStore::with(|settings| settings.max_sessions_per_hour = 2).await;
    let scope = test.scope("2017-07-24", "2017-07-24");
    for round in 0..3 {
        test.send(&[event("2017-07-24", 7, &format!("text-{round}"))])
            .await;
        let dry = test.store.delete_events(scope, "admin", true).await;
        assert_eq!(dry.unwrap().count, 1);
        let outcome = test.store.delete_events(scope, "admin", false).await;
        match outcome {
            Ok(deleted) => assert_eq!((deleted.count, round < 2), (1, true)),
            Err(error) => assert!(
                round == 2 && matches!(error, StoreError::TooMany { .. }),
                "{round}: {error}"
            ),
        }
    }
}
