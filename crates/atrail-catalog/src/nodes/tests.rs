#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use atrail_disk::{ErrorKind, StoreError, chain};
use futures_util::future::join_all;

use crate::Catalog;
use crate::outside::postgres::EmptyDatabase;
use crate::sql;
use crate::testing::postgres::Database;

/// Longer than a machine with other work keeps a renewal waiting.
const LEASE: Duration = Duration::from_secs(3);
/// A lease that a test waits for the end of.
const SHORT: Duration = Duration::from_millis(900);

async fn mark(catalog: &Catalog, path: &str) -> Result<(), StoreError> {
    catalog.mark_as_waste(&[path.to_owned()]).await
}

fn is_refused(outcome: &Result<(), StoreError>) -> bool {
    let Err(error) = outcome else { return false };
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    chain(error).contains("another node has fenced this one")
}

/// Returns two nodes, of which the second has stopped renewing its lease.
async fn with_a_lost_one(database: &EmptyDatabase) -> (Catalog, Catalog) {
    let one = database.join("one", LEASE).await.unwrap();
    let lost = database.join("lost", SHORT).await.unwrap();
    lost.membership().unwrap().stall();
    (one, lost)
}

#[tokio::test]
async fn many_nodes_make_one_catalog_at_once() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let names = ["a", "b", "c", "d", "e"];
    let nodes = join_all(names.map(|name| database.join(name, LEASE))).await;
    let nodes: Vec<_> = nodes.into_iter().map(Result::unwrap).collect();
    for (node, name) in nodes.iter().zip(names) {
        mark(node, name).await.unwrap();
    }
    assert_eq!(nodes[0].waste().await.unwrap().len(), names.len());
    let known = nodes[0].nodes().await.unwrap();
    assert_eq!(known.len(), names.len());
    assert!(known.iter().all(|node| node.is_live && !node.is_fenced));
    for node in nodes {
        node.close().await;
    }
}

#[tokio::test]
async fn a_lease_is_renewed_as_long_as_its_node_is_there() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let one = database.join("one", LEASE).await.unwrap();
    let other = database.join("other", LEASE).await.unwrap();
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(other.fence_ended().await.unwrap(), []);
    assert!(one.membership().unwrap().is_live());
    mark(&one, "a").await.unwrap();
    one.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_node_that_lost_its_lease_is_fenced_and_writes_nothing() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let (one, lost) = with_a_lost_one(&database).await;
    let membership = lost.membership().unwrap().clone();
    // The control: nobody fences a node with a lease, and it may write until it is fenced.
    assert_eq!(one.fence_ended().await.unwrap(), []);
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    assert!(!membership.is_live());
    mark(&lost, "a").await.unwrap();
    let fenced = one.fence_ended().await.unwrap();
    assert_eq!(fenced, [membership.incarnation()]);
    assert!(is_refused(&mark(&lost, "b").await));
    let claimed = membership.claim("seal").await.map(drop);
    assert!(is_refused(&claimed), "{claimed:?}");
    mark(&one, "c").await.unwrap();
    assert_eq!(one.waste().await.unwrap(), ["a", "c"]);
    // It is fenced once, and comes back as another one.
    assert_eq!(one.fence_ended().await.unwrap(), []);
    let again = database.join("lost", LEASE).await.unwrap();
    assert_ne!(
        again.membership().unwrap().incarnation(),
        membership.incarnation()
    );
    mark(&again, "d").await.unwrap();
    assert!(is_refused(&mark(&lost, "e").await));
    for node in [one, lost, again] {
        node.close().await;
    }
}

/// What a node began to write before it was fenced either counts, and the other one sees it, or never counts.
#[tokio::test]
async fn a_node_is_fenced_between_its_transactions() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let (one, lost) = with_a_lost_one(&database).await;
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    let mut open = lost.begin("insert").await.unwrap();
    let fencing = {
        let one = one.clone();
        tokio::spawn(async move { one.fence_ended().await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!fencing.is_finished(), "it was fenced within a transaction");
    sql::query("INSERT INTO waste (path) VALUES ('a')")
        .execute(&mut *open)
        .await
        .unwrap();
    open.commit().await.unwrap();
    assert_eq!(fencing.await.unwrap().unwrap().len(), 1);
    assert_eq!(one.waste().await.unwrap(), ["a"]);
    assert!(is_refused(&mark(&lost, "b").await));
    one.close().await;
    lost.close().await;
}

/// A node that hangs within a transaction holds up the others for a while, and not for ever.
#[tokio::test]
async fn a_transaction_that_is_left_open_ends() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let (one, lost) = with_a_lost_one(&database).await;
    let mut open = lost.begin("insert").await.unwrap();
    let since = Instant::now();
    mark(&one, "a").await.unwrap();
    let waited = since.elapsed();
    assert!(waited > Duration::from_secs(5), "the control: {waited:?}");
    let late = sql::query("INSERT INTO waste (path) VALUES ('b')");
    late.execute(&mut *open).await.unwrap_err();
    assert_eq!(one.waste().await.unwrap(), ["a"]);
    drop(open);
    one.close().await;
    lost.close().await;
}

#[tokio::test]
async fn a_node_learns_that_it_is_fenced() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let one = database.join("one", LEASE).await.unwrap();
    let other = database.join("other", LEASE).await.unwrap();
    let membership = other.membership().unwrap();
    // As if it had hung for so long.
    one.run("UPDATE nodes SET fenced = TRUE WHERE name = 'other'")
        .await;
    let learnt = tokio::time::timeout(LEASE, membership.over()).await;
    learnt.unwrap();
    assert!(membership.is_over() && !membership.is_live());
    assert!(!one.membership().unwrap().is_over(), "the control");
    one.close().await;
    other.close().await;
}

#[tokio::test]
async fn claims_are_one_nodes_until_they_are_released_or_it_is_gone() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let (one, lost) = with_a_lost_one(&database).await;
    let (a, b) = (one.membership().unwrap(), lost.membership().unwrap());
    assert_eq!(a.claim("x").await.unwrap(), Some(1));
    assert_eq!(b.claim("x").await.unwrap(), None);
    assert_eq!(a.claim("x").await.unwrap(), Some(2));
    // A late release of an earlier claim changes nothing.
    a.release("x", Some(1)).await.unwrap();
    assert_eq!(b.claim("x").await.unwrap(), None);
    b.release("x", None).await.unwrap();
    assert_eq!(b.claim("x").await.unwrap(), None);
    a.release("x", Some(2)).await.unwrap();
    assert_eq!(b.claim("x").await.unwrap(), Some(3));
    assert_eq!(b.claim("y").await.unwrap(), Some(1));
    assert_eq!(a.claim("x").await.unwrap(), None, "its lease is live");
    tokio::time::sleep(SHORT + Duration::from_millis(100)).await;
    assert_eq!(a.claim("x").await.unwrap(), Some(4));
    // It was fenced in the same transaction.
    assert!(is_refused(&mark(&lost, "a").await));
    assert_eq!(a.claim("y").await.unwrap(), Some(2));
    one.close().await;
    let next = database.join("next", LEASE).await.unwrap();
    let c = next.membership().unwrap();
    assert_eq!(
        c.claim("x").await.unwrap(),
        Some(5),
        "a node that ends gives all back"
    );
    lost.close().await;
    next.close().await;
}

/// Two nodes without leases would fence each other.
#[tokio::test]
async fn a_node_without_a_lease_fences_nobody() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let (one, lost) = with_a_lost_one(&database).await;
    let (a, b) = (one.membership().unwrap(), lost.membership().unwrap());
    assert_eq!(a.claim("x").await.unwrap(), Some(1));
    a.stall();
    tokio::time::sleep(LEASE + Duration::from_millis(100)).await;
    assert_eq!(b.claim("x").await.unwrap(), None);
    mark(&one, "a").await.unwrap();
    one.close().await;
    lost.close().await;
}

#[tokio::test]
async fn nodes_and_a_server_with_a_directory_do_not_share_a_catalog() {
    let Some(database) = Database::new().await else {
        return;
    };
    let node = database.join("one", LEASE).await.unwrap();
    let refused = database.open().await.unwrap_err().to_string();
    assert!(refused.contains("shared by nodes"), "{refused}");
    node.close().await;
    let refused = database.open().await.unwrap_err().to_string();
    assert!(refused.contains("shared by nodes"), "{refused}");
    let other = Database::new().await.unwrap();
    other.catalog().await.close().await;
    let refused = other.join("one", LEASE).await.unwrap_err().to_string();
    assert!(refused.contains("with a data directory"), "{refused}");
}

/// Whoever gives up waiting for its turn to write leaves no transaction open that would keep the turn.
#[tokio::test]
async fn a_write_that_is_given_up_holds_up_nobody() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let one = database.join("one", LEASE).await.unwrap();
    let other = database.join("other", LEASE).await.unwrap();
    let open = one.begin("insert").await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(200), mark(&other, "a"));
    assert!(given_up.await.is_err(), "the control: it had to wait");
    drop(open);
    let written = tokio::time::timeout(Duration::from_secs(3), mark(&one, "b"));
    written.await.unwrap().unwrap();
    mark(&other, "c").await.unwrap();
    assert_eq!(one.waste().await.unwrap(), ["b", "c"]);
    one.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_removal_waits_for_who_serves_and_fences_who_may_stand_still() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let (one, lost) = with_a_lost_one(&database).await;
    let other = database.join("other", LEASE).await.unwrap();
    let nodes = [&one, &lost, &other].map(|node| node.membership().unwrap().clone());
    // Neither serves yet, so nobody waits for them.
    nodes[0].announce_removal(true).await.unwrap();
    mark(&lost, "a").await.unwrap();
    nodes[1].begins_to_serve().await.unwrap();
    nodes[0].announce_removal(true).await.unwrap();
    assert!(is_refused(&mark(&lost, "b").await));

    nodes[2].begins_to_serve().await.unwrap();
    let announcing = {
        let one = nodes[0].clone();
        tokio::spawn(async move { one.announce_removal(true).await })
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(
        !announcing.is_finished(),
        "a node that serves was not waited for"
    );
    let last = nodes[2].removals().await.unwrap().last;
    nodes[2].has_noticed(last - 1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!announcing.is_finished(), "it has noticed an earlier one");
    nodes[2].has_noticed(last).await.unwrap();
    announcing.await.unwrap().unwrap();
    mark(&other, "c").await.unwrap();
    for node in [one, lost, other] {
        node.close().await;
    }
}
