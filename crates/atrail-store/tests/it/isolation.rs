//! One tenant causes much work, and another one does not wait for it.

use atrail_model::{AccountId, Day, Domain, Hours, Scope, SpaceId, Target, UserId};
use atrail_store::{NewEvent, NewSession};

use crate::support::{TestStore, event, ever, files_below};

/// Creates a space in an account of its own.
async fn tenant(store: &TestStore, name: &str) -> (AccountId, SpaceId) {
    let now = "2017-07-25T00:00:00Z".parse().unwrap();
    let tenancy = store.store.tenancy();
    let account = tenancy.create_account(name, now).await.unwrap().id;
    let organization = tenancy
        .create_organization(account, name, now)
        .await
        .unwrap();
    let space = tenancy.create_space(organization.id, name, now).await;
    (account, space.unwrap().id)
}

/// Returns an event in each of this many hours from the beginning of 2010.
fn one_an_hour(from: u32, count: u32) -> Vec<NewEvent> {
    let first = "2010-01-01".parse::<Day>().unwrap().number();
    (from..from + count)
        .map(|hour| {
            let day = Day::from_number(first + hour / 24).unwrap();
            event(
                &day.to_string(),
                (hour % 24).try_into().unwrap(),
                &hour.to_string(),
            )
        })
        .collect()
}

/// The test measures the order of events, not their duration.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_send_count_and_make_sessions_while_one_seals_very_many_hours() {
    let store = TestStore::new().await;
    let (_, greedy) = tenant(&store, "greedy").await;
    for part in 0..3 {
        let events = one_an_hour(part * 2048, 2048);
        store
            .store
            .append(Domain::Space(greedy), events)
            .await
            .unwrap();
    }
    let mut large = store.new_session(Scope {
        target: Target::Space(greedy),
        days: ever(),
        hours: Hours::ALL,
    });
    large.space = Some(greedy);
    large.owner = UserId::generate();
    let sealing = {
        let store = store.store.clone();
        tokio::spawn(async move { store.create_session(large).await })
    };
    let mut rounds = 0;
    while !sealing.is_finished() {
        let text = format!("innocent {rounds}");
        store.send(&[event("2017-07-24", 7, &text)]).await;
        let session = store.session(store.scope("2017-07-24", "2017-07-24")).await;
        rounds += 1;
        assert_eq!(session.events, rounds);
        // As many as time allows.
        let deleted = store.store.delete_session(session.owner, session.id);
        deleted.await.unwrap();
        let counts = store.counts(Target::Space(store.space)).await;
        assert_eq!(counts[0].1, rounds);
    }
    let session = sealing.await.unwrap().unwrap();
    assert_eq!(session.events, 3 * 2048, "the control: it was all of them");
    assert!(rounds >= 3, "{rounds}");
}

/// Returns two thousand hours of a space of its own, whose sealing has begun and not ended.
async fn seal_a_part() -> (TestStore, SpaceId, NewSession, Vec<NewEvent>) {
    let store = TestStore::new().await;
    let (account, greedy) = tenant(&store, "greedy").await;
    let events = one_an_hour(0, 2000);
    let sent = store.store.append(Domain::Space(greedy), events.clone());
    sent.await.unwrap();
    let mut large = store.new_session(Scope {
        target: Target::Account(account),
        days: ever(),
        hours: Hours::ALL,
    });
    large.space = Some(greedy);
    let sealing = (store.store.clone(), large.clone());
    tokio::spawn(async move { sealing.0.create_session(sealing.1).await });
    while sealed(&store).await == 0 {
        tokio::task::yield_now().await;
    }
    (store, greedy, large, events)
}

async fn sealed(store: &TestStore) -> i64 {
    let catalog = store.catalog().await;
    let count = catalog.number("SELECT COUNT(*) FROM objects").await;
    catalog.close().await;
    count
}

/// A large space is sealed in several parts; a crash may leave any number of them.
#[test]
fn what_is_sealed_in_parts_is_there_once_after_a_crash_between_them() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let before = runtime();
    let (store, greedy, large, events) = before.block_on(seal_a_part());
    // Aborts every running task at its present waiting point.
    before.shutdown_timeout(std::time::Duration::from_secs(60));
    runtime().block_on(async move {
        let store = store.crash_and_reopen().await;
        let part = sealed(&store).await;
        assert!((1..2000).contains(&part), "the control: {part}");
        let counts = store.counts(Target::Space(greedy)).await;
        let counted: u64 = counts.iter().map(|(_, count, _)| count).sum();
        assert_eq!(counted, 2000);
        let session = store.store.create_session(large).await.unwrap();
        assert_eq!(session.events, 2000);
        assert_eq!(sealed(&store).await, 2000);
        // Repeated events are detected, in whichever part they are.
        let again = store.store.append(Domain::Space(greedy), events).await;
        assert_eq!(again.unwrap().duplicates, 2000);
    });
}

/// Very many objects are removed in several parts; a crash may leave any number of them.
#[test]
fn what_is_deleted_in_parts_is_gone_after_a_crash_between_them() {
    const HOURS: u32 = 3000;
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let before = runtime();
    let (store, greedy, events) = before.block_on(async {
        let store = TestStore::new().await;
        let (_, greedy) = tenant(&store, "greedy").await;
        let events = one_an_hour(0, HOURS);
        let sent = store.store.append(Domain::Space(greedy), events.clone());
        sent.await.unwrap();
        let scope = Scope {
            target: Target::Space(greedy),
            days: ever(),
            hours: Hours::ALL,
        };
        let mut session = store.new_session(scope);
        session.space = Some(greedy);
        store.store.create_session(session).await.unwrap();
        assert_eq!(sealed(&store).await, i64::from(HOURS));
        let deleting = store.store.clone();
        tokio::spawn(async move { deleting.delete_events(scope, "ann", false).await });
        while sealed(&store).await == i64::from(HOURS) {
            tokio::task::yield_now().await;
        }
        let counts = store.counts(scope.target).await;
        assert!(counts.is_empty(), "all are deleted at once: {counts:?}");
        (store, greedy, events)
    });
    // Aborts every running task at its present waiting point.
    before.shutdown_timeout(std::time::Duration::from_secs(60));
    runtime().block_on(async move {
        let left = sealed(&store).await;
        assert!((1..i64::from(HOURS)).contains(&left), "the control: {left}");
        let store = store.crash_and_reopen().await;
        assert_eq!(sealed(&store).await, 0);
        assert!(store.counts(Target::Space(greedy)).await.is_empty());
        let archive = store.data_dir().join("archive");
        assert!(files_below(&archive).is_empty());
        let (findings, _) = store.scrub().await;
        assert!(findings.is_empty(), "{findings:?}");
        // What was deleted may come again.
        let again = store.store.append(Domain::Space(greedy), events);
        assert_eq!(again.await.unwrap().stored, u64::from(HOURS));
    });
}
