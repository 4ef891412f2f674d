//! Acknowledged events stay, across seals, crashes and restarts.

use std::time::Duration;

use atrail_model::{AccountId, Domain, Target};
use atrail_store::StoreError;

use crate::support::{TestStore, event, files_below, texts};

#[tokio::test]
async fn status_is_exact_right_after_an_acknowledgement_sealed_or_not() {
    let test = TestStore::new().await;
    let early = [
        event("2017-07-24", 7, "a"),
        event("2017-07-24", 9, "b"),
        event("2017-07-25", 0, "c"),
    ];
    test.send(&early).await;
    let size = |events: &[_]| {
        texts(events)
            .iter()
            .map(|line| line.len() as u64)
            .sum::<u64>()
    };
    let expected = vec![
        ("2017-07-24".to_owned(), 2, size(&early[..2])),
        ("2017-07-25".to_owned(), 1, size(&early[2..])),
    ];
    assert_eq!(
        test.counts(Target::Space(test.space)).await,
        expected,
        "unsealed"
    );
    test.session(test.scope("2017-07-24", "2017-07-25")).await;
    assert_eq!(
        test.counts(Target::Space(test.space)).await,
        expected,
        "sealed"
    );
    test.send(&[event("2017-07-24", 7, "d")]).await;
    assert_eq!(test.counts(Target::Space(test.space)).await[0].1, 3, "both");
    assert_eq!(
        test.counts(Target::Space(test.other_space)).await,
        [],
        "of another space"
    );
}

#[tokio::test]
async fn hours_bound_a_count_sealed_or_not() {
    let test = TestStore::new().await;
    let batch = |text| [6, 7, 8, 23].map(|hour| event("2017-07-24", hour, text));
    test.send(&batch("sealed")).await;
    test.session(test.scope("2017-07-24", "2017-07-24")).await;
    test.send(&batch("unsealed")).await;
    let mut scope = test.scope("2017-07-23", "2017-07-25");
    scope.hours = "7-8".parse().unwrap();
    assert_eq!(test.store.status(scope).await.unwrap()[0].count, 4);
}

#[tokio::test]
async fn an_account_counts_its_own_domain_and_every_space() {
    let test = TestStore::new().await;
    for domain in [
        Domain::Space(test.space),
        Domain::Space(test.other_space),
        Domain::Account(test.account),
    ] {
        test.store
            .append(domain, vec![event("2017-07-24", 7, "x")])
            .await
            .unwrap();
    }
    assert_eq!(test.counts(Target::Account(test.account)).await[0].1, 3);
    assert_eq!(test.counts(Target::Space(test.space)).await[0].1, 1);
    let mut scope = test.scope("2017-07-24", "2017-07-24");
    scope.target = Target::Account(test.account);
    assert_eq!(test.session(scope).await.events, 3);
}

#[tokio::test]
async fn an_account_counts_nothing_of_another() {
    let test = TestStore::new().await;
    let own = Domain::Space(test.space);
    let append = async |domain, text| {
        let event = event("2017-07-24", 7, text);
        test.store.append(domain, vec![event]).await.unwrap();
    };
    let count = async |account| test.counts(Target::Account(account)).await;
    append(own, "a").await;
    assert_eq!(count(test.account).await[0].1, 1);
    // Created after the store has first read and cached the domains.
    let now = "2017-07-25T00:00:00Z".parse().unwrap();
    let other = test.store.tenancy().create_account("other", now).await;
    let other = other.unwrap().id;
    append(Domain::Account(other), "b").await;
    append(Domain::Account(other), "c").await;
    assert_eq!(count(test.account).await[0].1, 1);
    assert_eq!(count(other).await[0].1, 2);
    let mut scope = test.scope("2017-07-24", "2017-07-24");
    for account in [test.account, other] {
        scope.target = Target::Account(account);
        test.session(scope).await;
    }
    append(own, "d").await;
    append(Domain::Account(other), "e").await;
    assert_eq!(count(test.account).await[0].1, 2);
    assert_eq!(count(other).await[0].1, 3);
    scope.target = Target::Account(other);
    test.store.delete_events(scope, "ann", false).await.unwrap();
    assert_eq!(count(test.account).await[0].1, 2);
    assert!(count(other).await.is_empty());
    // Nobody's account: as in a log beside a foreign catalog.
    append(Domain::Account(AccountId::generate()), "f").await;
    assert_eq!(count(test.account).await[0].1, 2);
}

#[tokio::test]
async fn acknowledged_events_survive_a_crash_before_and_after_sealing() {
    let mut test = TestStore::new().await;
    let mut sent = Vec::new();
    for round in 0..6 {
        let batch = [
            event("2017-07-24", 7, &format!("{round}a")),
            event("2017-07-24", 7, &format!("{round}b")),
        ];
        test.send(&batch).await;
        sent.extend(texts(&batch));
        if round % 2 == 1 {
            test.session(test.scope("2017-07-24", "2017-07-24")).await;
        }
        test = test.crash_and_reopen().await;
    }
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    assert_eq!(
        test.lines(session.id).await,
        sent,
        "each once, in the order of acknowledgement"
    );
    assert_eq!(
        test.counts(Target::Space(test.space)).await[0].1,
        sent.len() as u64
    );
}

#[tokio::test]
async fn a_clean_end_and_a_new_start_keep_everything() {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 7, "a")]).await;
    test.store.close().await.unwrap();
    assert!(matches!(
        test.store
            .append(Domain::Space(test.space), vec![event("2017-07-24", 7, "b")])
            .await,
        Err(StoreError::Closed)
    ));
    let test = test.crash_and_reopen().await;
    assert_eq!(test.counts(Target::Space(test.space)).await[0].1, 1);
}

#[tokio::test]
async fn a_request_of_any_size_survives_a_crash() {
    let test = TestStore::with(|settings| settings.seal_at_bytes = 1 << 30).await;
    let text = "x".repeat(1 << 20);
    let large: Vec<_> = (0..70)
        .map(|number| event("2017-07-24", 7, &format!("{number}{text}")))
        .collect();
    test.send(&large).await;
    test.send(&[event("2017-07-24", 7, "after")]).await;
    let test = test.crash_and_reopen().await;
    assert_eq!(test.counts(Target::Space(test.space)).await[0].1, 71);
}

#[tokio::test]
async fn the_data_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let test = TestStore::new().await;
    for dir in ["", "archive", "wal"] {
        let mode = std::fs::metadata(test.data_dir().join(dir))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{dir}");
    }
}

#[tokio::test]
async fn a_second_store_on_the_same_directory_is_refused() {
    let test = TestStore::new().await;
    let error = test.open_again().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("another atrail server uses the data directory"),
        "{error}"
    );
}

#[tokio::test]
async fn what_gathers_is_sealed_by_size() {
    let test = TestStore::with(|settings| settings.seal_at_bytes = 10_000).await;
    let archive = test.data_dir().join("archive");
    assert_eq!(files_below(&archive).len(), 0);
    for n in 0..100 {
        test.send(&[event("2017-07-24", 7, &format!("{n:0500}"))])
            .await;
    }
    wait_until(|| !files_below(&archive).is_empty()).await;
    assert_eq!(test.counts(Target::Space(test.space)).await[0].1, 100);
}

#[tokio::test]
async fn what_waits_is_sealed_by_age() {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 7, "a")]).await;
    let archive = test.data_dir().join("archive");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(files_below(&archive).len(), 0, "not before its time");
    test.clock.advance(Duration::from_secs(301));
    wait_until(|| files_below(&archive).len() == 1).await;
}

#[tokio::test]
async fn an_object_that_no_transaction_recorded_is_erased_at_the_next_start() {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 7, "a")]).await;
    test.session(test.scope("2017-07-24", "2017-07-24")).await;
    let archive = test.data_dir().join("archive");
    let kept = files_below(&archive);
    assert_eq!(kept.len(), 1);
    let path = kept[0]
        .strip_prefix(&archive)
        .unwrap()
        .to_str()
        .unwrap()
        .replace(".ndjson", "-x.ndjson");
    std::fs::write(archive.join(&path), b"whole").unwrap();
    std::fs::write(archive.join(format!("{path}#1")), b"half").unwrap();
    mark_as_waste(&test, &path).await;
    let test = test.crash_and_reopen().await;
    assert_eq!(files_below(&test.data_dir().join("archive")), kept);
}

/// Marks a path as waste, as a seal does before it writes an object.
async fn mark_as_waste(test: &TestStore, path: &str) {
    let catalog = test.catalog().await;
    let mark = "INSERT INTO waste (path) VALUES (?)";
    catalog.run_with_text(mark, path).await;
    catalog.close().await;
}

async fn wait_until(done: impl Fn() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen within ten seconds");
}
