//! Tests the promises of every implementation of duties; the control: implementations that each break one promise,
//! which the suite detects.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use atrail_model::{Domain, SpaceId};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::*;

#[cfg(feature = "cluster")]
mod nodes;

/// Long enough for anything that does not wait.
const A_WHILE: Duration = Duration::from_millis(500);
/// Long enough for anything that ends.
const PATIENCE: Duration = Duration::from_secs(30);

fn space(n: u8) -> Domain {
    Domain::Space(SpaceId::from_bytes([n; 16]))
}

async fn ends<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(A_WHILE, future).await.ok()
}

async fn one_at_a_time_has_a_duty(duties: Arc<dyn Duties>) {
    let duty = Duty::Seal(space(1));
    let claim = duties.claim(duty).await;
    assert_eq!(claim.duty(), duty);
    assert!(duties.try_claim(duty).await.is_none());
    assert!(ends(duties.claim(duty)).await.is_none());
    for other in [Duty::Seal(space(2)), Duty::Compact(space(1))] {
        assert!(duties.try_claim(other).await.is_some(), "another duty");
    }
    drop(claim);
    assert!(ends(duties.claim(duty)).await.is_some());
    assert!(duties.try_claim(duty).await.is_some());
}

async fn nobody_is_in_a_duty_with_another_however_many_want_it(duties: Arc<dyn Duties>) {
    let (inside, last) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let workers: Vec<_> = (0..20)
        .map(|_| {
            let (duties, inside, last) =
                (Arc::clone(&duties), Arc::clone(&inside), Arc::clone(&last));
            tokio::spawn(async move {
                for _ in 0..20 {
                    let claim = duties.claim(Duty::Seal(space(1))).await;
                    assert!(!inside.swap(true, Ordering::SeqCst), "two at once");
                    assert!(last.swap(claim.number, Ordering::SeqCst) < claim.number);
                    tokio::task::yield_now().await;
                    inside.store(false, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
}

/// Claims as deletions, seals and compactions do, on overlapping domains.
async fn who_keeps_the_order_never_waits_for_ever(duties: Arc<dyn Duties>) {
    let workers: Vec<_> = (0..12_u8)
        .map(|n| {
            let duties = Arc::clone(&duties);
            tokio::spawn(async move {
                for round in 0..30_u8 {
                    let domains = [n, n + round, n ^ round].map(|n| space(n % 5));
                    let claims = if n % 3 == 0 {
                        claim_all(&*duties, domains.map(Duty::Seal)).await
                    } else {
                        claim_all(&*duties, to_take_out(domains.into_iter())).await
                    };
                    tokio::task::yield_now().await;
                    drop(claims);
                }
            })
        })
        .collect();
    for worker in workers {
        let ended = tokio::time::timeout(PATIENCE, worker).await;
        ended.unwrap().unwrap();
    }
}

async fn a_wait_that_is_given_up_leaves_nothing(duties: Arc<dyn Duties>) {
    let duty = Duty::Seal(space(1));
    let claim = duties.claim(duty).await;
    let number = claim.number;
    assert!(ends(duties.claim(duty)).await.is_none());
    drop(claim);
    let next = ends(duties.claim(duty)).await.unwrap();
    assert!(next.number > number);
}

async fn who_waits_for_longest_is_next(duties: Arc<dyn Duties>) {
    let duty = Duty::Seal(space(1));
    let claim = duties.claim(duty).await;
    let waiting = Arc::clone(&duties);
    let waiting = tokio::spawn(async move { drop(waiting.claim(duty).await) });
    tokio::time::sleep(A_WHILE).await;
    drop(claim);
    // A late claimant finds an earlier one.
    let late = duties.claim(duty).await;
    assert!(ends(waiting).await.is_some());
    drop(late);
}

async fn rest_is_when_nobody_has_any_duty(duties: Arc<dyn Duties>) {
    assert!(ends(duties.rest()).await.is_some());
    let claims = claim_all(&*duties, to_take_out([space(1), space(2)].into_iter())).await;
    assert!(claims.is_sorted_by_key(Claim::duty));
    let mut claims = claims.into_iter();
    drop(claims.next());
    assert!(ends(duties.rest()).await.is_none());
    let resting = Arc::clone(&duties);
    let resting = tokio::spawn(async move { resting.rest().await });
    tokio::task::yield_now().await;
    drop(claims);
    assert!(ends(resting).await.is_some());
}

pub(super) async fn conforms(make: impl Fn() -> Arc<dyn Duties>) {
    one_at_a_time_has_a_duty(make()).await;
    nobody_is_in_a_duty_with_another_however_many_want_it(make()).await;
    who_keeps_the_order_never_waits_for_ever(make()).await;
    a_wait_that_is_given_up_leaves_nothing(make()).await;
    who_waits_for_longest_is_next(make()).await;
    rest_is_when_nobody_has_any_duty(make()).await;
}

#[tokio::test]
async fn duties_of_one_process_conform() {
    conforms(|| Arc::new(LocalDuties::default())).await;
}

#[tokio::test]
async fn duties_that_nobody_has_take_no_memory() {
    let duties = LocalDuties::default();
    let claims = claim_all(&duties, (0..50).map(|n| Duty::Seal(space(n)))).await;
    assert!(ends(duties.claim(Duty::Seal(space(7)))).await.is_none());
    assert!(duties.try_claim(Duty::Seal(space(7))).await.is_none());
    assert_eq!(duties.count(), 50);
    drop(claims);
    assert_eq!(duties.count(), 0);
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    GivesItToTwo,
    RepeatsNumbers,
    RestsTooEarly,
}

#[derive(Debug)]
struct Faulty(LocalDuties, Fault);

impl Faulty {
    fn broken(&self, mut claim: Claim) -> Claim {
        if self.1 == Fault::RepeatsNumbers {
            claim.number = 1;
        }
        claim
    }
}

impl Duties for Faulty {
    fn claim(&self, duty: Duty) -> BoxFuture<'_, Claim> {
        if self.1 == Fault::GivesItToTwo {
            return async move { LocalDuties::default().claim(duty).await }.boxed();
        }
        async move { self.broken(self.0.claim(duty).await) }.boxed()
    }

    fn try_claim(&self, duty: Duty) -> BoxFuture<'_, Option<Claim>> {
        async move {
            let claim = self.0.try_claim(duty).await;
            claim.map(|claim| self.broken(claim))
        }
        .boxed()
    }

    fn rest(&self) -> BoxFuture<'_, ()> {
        match self.1 {
            Fault::RestsTooEarly => ready(()).boxed(),
            _ => self.0.rest(),
        }
    }
}

/// The control.
#[tokio::test]
async fn duties_that_break_a_promise_are_caught() {
    for fault in [
        Fault::GivesItToTwo,
        Fault::RepeatsNumbers,
        Fault::RestsTooEarly,
    ] {
        let tried = conforms(|| Arc::new(Faulty(LocalDuties::default(), fault)));
        let outcome = AssertUnwindSafe(tried).catch_unwind().await;
        assert!(outcome.is_err(), "{fault:?}");
    }
}
