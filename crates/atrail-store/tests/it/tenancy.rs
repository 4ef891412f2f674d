//! An ended space or account has ended for good: nobody can send to it, set a hold on it, or create anything in it.

use std::sync::Arc;

use atrail_model::{
    AccountId, AccountRole, Domain, HeldRole, LoginId, OrganizationId, Requester, SpaceId,
    SpaceRole, Standing, Target, Timestamp, Warrant,
};
use atrail_store::{ErrorKind, Granter, StoreError};

use crate::support::{TestStore, event};

fn now() -> Timestamp {
    "2017-07-25T00:00:00Z".parse().unwrap()
}

async fn empty_account(test: &TestStore, name: &str) -> AccountId {
    let tenancy = test.store.tenancy();
    tenancy.create_account(name, now()).await.unwrap().id
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> ErrorKind {
    outcome.unwrap_err().kind()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_held_does_not_end() {
    let test = TestStore::new().await;
    let account = empty_account(&test, "empty").await;
    let requester = Requester {
        reason: "a case",
        ..Requester::from("ann")
    };
    let target = Target::Account(account);
    test.store.set_hold(target, requester).await.unwrap();
    assert_eq!(
        kind(test.store.delete_account(account, "op").await),
        ErrorKind::Conflict
    );
    assert_eq!(
        test.store.holds(target).await.unwrap().len(),
        1,
        "it stands"
    );
    // The refused account accepts events again.
    let domain = Domain::Account(account);
    test.store.release_hold(target, requester).await.unwrap();
    test.store
        .append(domain, vec![event("2017-07-24", 7, "a")])
        .await
        .unwrap();
    assert_eq!(
        kind(test.store.delete_account(account, "op").await),
        ErrorKind::Conflict
    );
    test.store
        .append(domain, vec![event("2017-07-24", 7, "b")])
        .await
        .unwrap();
}

/// Senders to an account whose deletion is refused do not notice the attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_to_an_account_that_does_not_end_is_not_refused() {
    let test = TestStore::new().await;
    let domain = Domain::Space(test.space);
    for round in 0..20 {
        let store = test.store.clone();
        let account = test.account;
        let ends = tokio::spawn(async move { store.delete_account(account, "op").await });
        while !ends.is_finished() {
            let sent = vec![event("2017-07-24", 7, &round.to_string())];
            test.store.append(domain, sent).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(kind(ends.await.unwrap()), ErrorKind::Conflict);
    }
}

/// Either an event is acknowledged and the account exists, or the account is gone and nothing is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_into_an_account_that_ended() {
    let test = TestStore::new().await;
    let mut ended = 0;
    for round in 0..20 {
        let account = empty_account(&test, &format!("empty-{round}")).await;
        let domain = Domain::Account(account);
        let store = test.store.clone();
        let sends = tokio::spawn(async move {
            store
                .append(domain, vec![event("2017-07-24", 7, "a")])
                .await
        });
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        let deleted = test.store.delete_account(account, "op").await;
        let sent = sends.await.unwrap();
        match (&sent, &deleted) {
            (Ok(_), Err(error)) => assert_eq!(error.kind(), ErrorKind::Conflict),
            // Refused while the account was being checked for its end, or afterwards.
            (Err(error), Ok(())) => {
                let refusals = [ErrorKind::Unavailable, ErrorKind::NotFound];
                assert!(refusals.contains(&error.kind()), "{error}");
            }
            both => panic!("round {round}: {both:?}"),
        }
        if deleted.is_ok() {
            ended += 1;
            let late = test.store.append(domain, vec![event("2017-07-24", 7, "b")]);
            assert_eq!(kind(late.await), ErrorKind::NotFound);
            let own = test.store.append_own(domain, event("2017-07-24", 7, "c"));
            assert_eq!(kind(own.await), ErrorKind::NotFound);
        }
    }
    let account = empty_account(&test, "last").await;
    test.store.delete_account(account, "op").await.unwrap();
    let late = test
        .store
        .append(Domain::Account(account), vec![event("2017-07-24", 7, "b")]);
    assert_eq!(
        kind(late.await),
        ErrorKind::NotFound,
        "after {ended} others"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_something_that_is_gone_is_not_found() {
    let test = TestStore::new().await;
    let tenancy = test.store.tenancy();
    let identity = test.store.identity();
    let ann = identity
        .create_user("ann", "h", false, now())
        .await
        .unwrap();
    let in_nothing = tenancy.create_space(OrganizationId::generate(), "s", now());
    assert_eq!(kind(in_nothing.await), ErrorKind::NotFound);
    let in_nothing = tenancy.create_organization(AccountId::generate(), "o", now());
    assert_eq!(kind(in_nothing.await), ErrorKind::NotFound);
    for role in [
        HeldRole::Space(SpaceId::generate(), SpaceRole::Developer),
        HeldRole::Account(AccountId::generate(), AccountRole::Owner),
    ] {
        for granter in [Granter::Operator, Granter::Owner(ann.id)] {
            let granted = identity.grant("ann", role, granter, now()).await;
            assert_eq!(kind(granted), ErrorKind::NotFound);
        }
    }
    let there = HeldRole::Account(test.account, AccountRole::Owner);
    let granted = identity.grant("nobody", there, Granter::Operator, now());
    assert_eq!(kind(granted.await), ErrorKind::NotFound);
}

/// Every change of events, options or holds verifies the rights in its transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_judged_by_rights_that_are_gone_is_not_done() {
    let test = TestStore::new().await;
    test.store
        .append(Domain::Space(test.space), vec![event("2017-07-24", 7, "a")])
        .await
        .unwrap();
    let identity = test.store.identity();
    let user = identity
        .create_user("ann", "h", false, now())
        .await
        .unwrap();
    let judged = Arc::new(Standing {
        user,
        scopes: atrail_model::KeyScopes::ALL,
        by_limited_key: false,
        roles: std::collections::HashSet::default(),
        spaces: std::collections::HashMap::default(),
        home: atrail_model::Home::default(),
        api_key: None,
        ingest: None,
        noted: std::collections::HashSet::default(),
        until: now(),
    });
    // There is no such login.
    let warrant = Warrant::new(LoginId::generate(), judged, now());
    let requester = Requester {
        reason: "a case",
        warrant: Some(&warrant),
        ..Requester::from("ann")
    };
    let target = Target::Space(test.space);
    let july = test.scope("2017-07-01", "2017-07-31");
    let store = &test.store;
    let forever = atrail_model::Retention::Forever;
    let empty = empty_account(&test, "empty").await;
    assert_eq!(
        kind(store.delete_events(july, requester, false).await),
        ErrorKind::LoggedOut
    );
    assert_eq!(
        kind(store.set_retention(target, forever, requester).await),
        ErrorKind::LoggedOut
    );
    assert_eq!(
        kind(store.set_hold(target, requester).await),
        ErrorKind::LoggedOut
    );
    assert_eq!(
        kind(store.release_hold(target, requester).await),
        ErrorKind::LoggedOut
    );
    assert_eq!(
        kind(store.rotate_key(requester).await),
        ErrorKind::LoggedOut
    );
    assert_eq!(
        kind(store.delete_account(empty, requester).await),
        ErrorKind::LoggedOut
    );
    for events in [
        atrail_store::EventsOfSpace::Stay,
        atrail_store::EventsOfSpace::Go,
    ] {
        let deleted = store.delete_space(test.space, requester, events).await;
        assert_eq!(kind(deleted), ErrorKind::LoggedOut);
    }
    let counted: u64 = store
        .status(july)
        .await
        .unwrap()
        .iter()
        .map(|day| day.count)
        .sum();
    assert_eq!(counted, 1, "nothing was done");
    // The control: without a warrant, each change succeeds.
    let unasked = Requester {
        warrant: None,
        ..requester
    };
    store.set_hold(target, unasked).await.unwrap();
    store.release_hold(target, unasked).await.unwrap();
    let deleted = store.delete_events(july, unasked, false).await.unwrap();
    assert_eq!(deleted.count, 1);
}
