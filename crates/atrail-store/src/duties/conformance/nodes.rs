//! Duties of several nodes: the same suite on each of them, and what they promise between them.

use atrail_catalog::Catalog;
use atrail_catalog::outside::postgres::EmptyDatabase;

use super::*;
use crate::duties::shared::SharedDuties;

const LEASE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(900);

async fn node(database: &EmptyDatabase, lease: Duration) -> (Catalog, Arc<SharedDuties>) {
    let catalog = database.join("node", lease).await.unwrap();
    let duties = SharedDuties::new(catalog.membership().unwrap().clone());
    (catalog, Arc::new(duties))
}

#[tokio::test]
async fn duties_of_a_node_conform() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let (catalog, _) = node(&database, LEASE).await;
    let membership = catalog.membership().unwrap();
    // The suite's parts use the same duties one after the other.
    conforms(|| Arc::new(SharedDuties::new(membership.clone()))).await;
    catalog.close().await;
}

type Pair = [Arc<dyn Duties>; 2];

async fn one_node_has_a_duty([one, other]: Pair) {
    let duty = Duty::Seal(space(1));
    let claim = one.claim(duty).await;
    let number = claim.number;
    assert!(other.try_claim(duty).await.is_none());
    assert!(ends(other.claim(duty)).await.is_none());
    assert!(other.try_claim(Duty::Seal(space(2))).await.is_some());
    let waiting = Arc::clone(&other);
    let waiting = tokio::spawn(async move { waiting.claim(duty).await });
    tokio::time::sleep(A_WHILE).await;
    drop(claim);
    let next = tokio::time::timeout(PATIENCE, waiting).await;
    let next = next.unwrap().unwrap();
    assert!(next.number > number);
    assert!(one.try_claim(duty).await.is_none());
    // A wait that was given up has left nothing.
    drop(next);
    let again = tokio::time::timeout(PATIENCE, one.claim(duty)).await;
    assert!(again.is_ok());
}

async fn nobody_is_in_a_duty_with_another_nodes_task(pair: Pair) {
    let inside = Arc::new(AtomicBool::new(false));
    let last = Arc::new(AtomicU64::new(0));
    let workers: Vec<_> = (0..8)
        .map(|n| {
            let duties = Arc::clone(&pair[n % 2]);
            let (inside, last) = (Arc::clone(&inside), Arc::clone(&last));
            tokio::spawn(async move {
                for round in 0..6 {
                    let duty = Duty::Seal(space(1));
                    let claim = if (n + round) % 3 == 0 {
                        // Some give up, in the midst of asking.
                        let given_up = Duration::from_millis(u64::try_from(n).unwrap());
                        let tried = tokio::time::timeout(given_up, duties.claim(duty)).await;
                        let Ok(claim) = tried else { continue };
                        claim
                    } else {
                        duties.claim(duty).await
                    };
                    assert!(!inside.swap(true, Ordering::SeqCst), "two at once");
                    assert!(last.swap(claim.number, Ordering::SeqCst) < claim.number);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    inside.store(false, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for worker in workers {
        let ended = tokio::time::timeout(PATIENCE, worker).await;
        ended.unwrap().unwrap();
    }
}

async fn nodes_that_keep_the_order_never_wait_for_ever(pair: Pair) {
    let workers: Vec<_> = (0..6_u8)
        .map(|n| {
            let duties = Arc::clone(&pair[usize::from(n % 2)]);
            tokio::spawn(async move {
                for round in 0..4_u8 {
                    let domains = [n, n + round].map(|n| space(n % 3));
                    let claims = claim_all(&*duties, to_take_out(domains.into_iter())).await;
                    tokio::task::yield_now().await;
                    drop(claims);
                }
            })
        })
        .collect();
    for worker in workers {
        let ended = tokio::time::timeout(PATIENCE * 2, worker).await;
        ended.unwrap().unwrap();
    }
}

async fn conform_together(make: impl Fn() -> Pair) {
    one_node_has_a_duty(make()).await;
    nobody_is_in_a_duty_with_another_nodes_task(make()).await;
    nodes_that_keep_the_order_never_wait_for_ever(make()).await;
}

#[tokio::test]
async fn duties_of_two_nodes_conform() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let (one, first) = node(&database, LEASE).await;
    let (other, second) = node(&database, LEASE).await;
    conform_together(|| [first.clone(), second.clone()]).await;
    one.close().await;
    other.close().await;
}

/// The control.
#[tokio::test]
async fn nodes_that_know_nothing_of_each_other_are_caught() {
    let apart = || -> Pair {
        [
            Arc::new(LocalDuties::default()),
            Arc::new(LocalDuties::default()),
        ]
    };
    for check in [
        AssertUnwindSafe(async { one_node_has_a_duty(apart()).await }.boxed()),
        AssertUnwindSafe(
            async { nobody_is_in_a_duty_with_another_nodes_task(apart()).await }.boxed(),
        ),
    ] {
        assert!(check.catch_unwind().await.is_err());
    }
}

#[tokio::test]
async fn the_duties_of_a_node_that_is_gone_fall_to_others_and_it_does_nothing_more() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let (one, first) = node(&database, LEASE).await;
    let (lost, second) = node(&database, SHORT).await;
    let duty = Duty::Seal(space(1));
    let theirs = second.claim(duty).await;
    lost.membership().unwrap().stall();
    assert!(first.try_claim(duty).await.is_none(), "its lease is live");
    let ours = tokio::time::timeout(PATIENCE, first.claim(duty)).await;
    let ours = ours.unwrap();
    assert!(ours.number > theirs.number);
    lost.mark_as_waste(&["x".to_owned()]).await.unwrap_err();
    one.mark_as_waste(&["y".to_owned()]).await.unwrap();
    // The late release is not of the claim that the other node has now.
    drop(theirs);
    assert!(second.try_claim(duty).await.is_none());
    let (again, third) = node(&database, LEASE).await;
    assert!(third.try_claim(duty).await.is_none());
    drop(ours);
    let after = tokio::time::timeout(PATIENCE, third.claim(duty)).await;
    assert!(after.is_ok());
    for node in [one, lost, again] {
        node.close().await;
    }
}

#[tokio::test]
async fn a_node_that_ends_gives_its_duties_back_at_once() {
    let Some(database) = EmptyDatabase::new().await else {
        return;
    };
    let (one, first) = node(&database, LEASE).await;
    let (other, second) = node(&database, LEASE).await;
    let duty = Duty::Compact(space(1));
    let _claim = first.claim(duty).await;
    assert!(second.try_claim(duty).await.is_none(), "the control");
    one.close().await;
    assert!(second.try_claim(duty).await.is_some());
    other.close().await;
}
