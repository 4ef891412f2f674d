//! The counts balance to the event, no matter how many clients act at once.
//!
//! `ATRAIL_BOOKS_SECS` sets the duration in seconds; the default is a few.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::auditor::{Auditor, everything};
use crate::env::TestEnv;
use crate::kill::{seed, senders, set_up};
use crate::senders::{Scene, delete_again_and_again};

#[test]
fn the_books_balance_while_many_send_download_and_delete() {
    let set = std::env::var("ATRAIL_BOOKS_SECS").ok();
    let secs = set.map_or(4, |text| text.parse().unwrap());
    let seed = seed();
    println!("ATRAIL_SEED={seed}");
    let env = TestEnv::new();
    let (server, caller) = set_up(&env);
    let mut scene = Scene::default();
    let mut senders = senders(seed);
    let mut auditors = [Auditor::new(seed), Auditor::new(seed + 1)];
    auditors[1].sets_retention = false;
    thread::scope(|scope| {
        for sender in &mut senders {
            scope.spawn(|| sender.run(&scene, &caller));
        }
        for auditor in &mut auditors {
            scope.spawn(|| auditor.run(&scene, &caller));
        }
        scope.spawn(|| delete_again_and_again(&scene, &caller, seed));
        thread::sleep(Duration::from_secs(secs));
        scene.is_over.store(true, Ordering::Relaxed);
    });
    let stored = everything(&caller);
    let ledger = scene.ledger.get_mut().unwrap();
    let faults = ledger.faults(&stored);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(ledger.lost_answers, 0, "the server hung up");
    println!(
        "{} events sent, {} stored, {} deleted; {} sessions, {} compared again",
        ledger.len(),
        ledger.counted_stored,
        ledger.counted_deleted,
        auditors.iter().map(|auditor| auditor.sessions).sum::<u64>(),
        auditors.iter().map(|auditor| auditor.compared).sum::<u64>(),
    );
    // One event more or less on any side shows here.
    let balance = ledger.counted_stored - ledger.counted_deleted;
    assert_eq!(balance, stored.len() as u64);
    let kept = stored
        .iter()
        .filter(|one| !one.line.contains(crate::senders::DOOMED_DAY));
    assert_eq!(ledger.acked_for_good(), kept.count());
    // The control: a scene in which nothing happened would balance, too.
    assert!(ledger.counted_deleted > 0 && ledger.acked_for_good() > 0);
    assert_eq!(server.stop(), Some(0));
}
