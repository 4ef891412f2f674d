//! Retention is stored as set, for exactly the target's domains.

use atrail_model::{AccountId, Domain, Retention, SpaceId, Target};
use atrail_store::ErrorKind;

use crate::support::TestStore;

fn days(number: i64) -> Retention {
    number.try_into().unwrap()
}

/// Returns the retention of the account's own domain, the space, and the other space.
async fn numbers(test: &TestStore) -> [i64; 3] {
    let rows = test.store.retention(Target::Account(test.account)).await;
    let rows = rows.unwrap();
    let domains: Vec<_> = rows.iter().map(|row| row.domain).collect();
    let expected = [
        Domain::Account(test.account),
        Domain::Space(test.space),
        Domain::Space(test.other_space),
    ];
    assert_eq!(domains, expected);
    [0, 1, 2].map(|at| rows[at].retention.number())
}

#[tokio::test]
async fn everything_is_kept_for_ever_until_something_else_is_set() {
    let test = TestStore::new().await;
    assert_eq!(numbers(&test).await, [-1, -1, -1]);
    let space = Target::Space(test.space);
    let set = test
        .store
        .set_retention(space, days(30), "ann")
        .await
        .unwrap();
    assert_eq!(set.len(), 1);
    assert_eq!(
        (set[0].domain, set[0].retention),
        (Domain::Space(test.space), days(30))
    );
    assert_eq!(test.store.retention(space).await.unwrap(), set);
    assert_eq!(numbers(&test).await, [-1, 30, -1]);

    test.store
        .set_retention(space, days(7), "ann")
        .await
        .unwrap();
    assert_eq!(numbers(&test).await, [-1, 7, -1]);
    test.store
        .set_retention(space, Retention::Forever, "ann")
        .await
        .unwrap();
    assert_eq!(numbers(&test).await, [-1, -1, -1]);
}

#[tokio::test]
async fn an_account_sets_its_own_domain_and_every_space() {
    let test = TestStore::new().await;
    let foreign = test.store.tenancy();
    let now = "2017-07-25T00:00:00Z".parse().unwrap();
    let foreign = Target::Account(foreign.create_account("other", now).await.unwrap().id);
    let space = Target::Space(test.space);
    test.store
        .set_retention(space, days(7), "ann")
        .await
        .unwrap();

    let account = Target::Account(test.account);
    test.store
        .set_retention(account, days(365), "ann")
        .await
        .unwrap();
    assert_eq!(numbers(&test).await, [365, 365, 365]);
    test.store
        .set_retention(space, days(7), "ann")
        .await
        .unwrap();
    assert_eq!(numbers(&test).await, [365, 7, 365]);
    test.store
        .set_retention(account, Retention::Forever, "ann")
        .await
        .unwrap();
    assert_eq!(numbers(&test).await, [-1, -1, -1]);
    let others = test.store.retention(foreign).await.unwrap();
    assert_eq!(
        others.iter().map(|row| row.retention).collect::<Vec<_>>(),
        [Retention::Forever]
    );
}

#[tokio::test]
async fn it_survives_a_restart() {
    let test = TestStore::new().await;
    let space = Target::Space(test.other_space);
    test.store
        .set_retention(space, days(1), "ann")
        .await
        .unwrap();
    let test = test.crash_and_reopen().await;
    assert_eq!(numbers(&test).await, [-1, -1, 1]);
}

#[tokio::test]
async fn an_unknown_target_is_not_found() {
    let test = TestStore::new().await;
    for target in [
        Target::Space(SpaceId::generate()),
        Target::Account(AccountId::generate()),
    ] {
        let read = test.store.retention(target).await.unwrap_err();
        let set = test
            .store
            .set_retention(target, days(1), "ann")
            .await
            .unwrap_err();
        assert_eq!(
            (read.kind(), set.kind()),
            (ErrorKind::NotFound, ErrorKind::NotFound)
        );
    }
}
