//! The books of three nodes balance whatever befalls them: each acknowledged event is there once, with its bytes; what was
//! frozen stays as it was; and every receipt that was ever given is true.
//!
//! `ATRAIL_NODES_SECS` sets for how long nemeses strike. `ATRAIL_SEED` repeats the decisions of an earlier run, but not its
//! timing.

use std::fs;
use std::sync::atomic::Ordering;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::nemeses::{ALL, Bed, Nemesis};
use super::nodes::{Cluster, Node, PATIENCE, counted, wait_until};
use super::senders::{Auditor, Given, Sender, delete_now_and_then, one_of};
use crate::auditor::everything;
use crate::env::{Numbers, finish};
use crate::http::Caller;
use crate::kill::seed;
use crate::senders::{DOOMED_DAY, KEPT_DAYS, Scene};

/// For how long nemeses strike in the short form, or until each has struck once.
const SHORT: Duration = Duration::from_secs(25);
/// How many receipts are compared with a later one: each is another download.
const COMPARED: usize = 8;
/// Hours whose totals differ from what is sealed.
const OFF: &str = "SELECT COUNT(*) FROM (SELECT domain, day, hour, SUM(count) AS sealed FROM segments JOIN objects USING (object) \
    GROUP BY domain, day, hour) s FULL JOIN hour_totals h USING (domain, day, hour) \
    WHERE COALESCE(s.sealed, 0) <> COALESCE(h.count, 0)";

#[test]
fn the_books_of_three_nodes_balance_whatever_befalls_them() {
    let seconds = std::env::var("ATRAIL_NODES_SECS").ok();
    let time = seconds.map_or(SHORT, |text| Duration::from_secs(text.parse().unwrap()));
    let seed = seed();
    println!("ATRAIL_SEED={seed}");
    let Some(mut bed) = Bed::new() else {
        return;
    };
    bed.nodes().for_each(|node| bed.cluster.log_in(node));
    let callers: Vec<_> = bed.nodes().map(|node| bed.cluster.caller(node)).collect();
    let mut scene = Scene::default();
    let mut senders: Vec<_> = (0..3).map(|name| Sender::new(name, seed)).collect();
    let mut auditor = Auditor::new(seed);
    let mut numbers = Numbers::new(seed);
    let mut order = shuffled(&mut numbers);
    let mut is_first = true;
    let mut checks = 0;
    let began = Instant::now();
    while began.elapsed() < time || is_first {
        scene.is_over.store(false, Ordering::Relaxed);
        let round = Instant::now();
        scope(|scope| {
            for sender in &mut senders {
                scope.spawn(|| sender.run(&scene, &callers));
            }
            scope.spawn(|| auditor.run(&scene, &callers));
            scope.spawn(|| delete_now_and_then(&scene, &callers, seed ^ checks));
            // All are stopped, also when a check in a nemesis fails.
            let _over = Over(&scene);
            // Each strikes before one strikes again.
            while (began.elapsed() < time || is_first) && round.elapsed() < time / 2 {
                let nemesis = order.pop().unwrap();
                println!("{:?}: {nemesis:?}", began.elapsed());
                bed.strike(nemesis, &mut numbers, &scene, &callers);
                sleep(Duration::from_millis(numbers.below(500)));
                if order.is_empty() {
                    order = shuffled(&mut numbers);
                    is_first = false;
                }
            }
        });
        checks += 1;
        bed.settle(&callers);
        check(&mut scene, &callers);
        auditor.look_at_all(&callers);
    }
    let ledger = scene.ledger.get_mut().unwrap();
    let counts: u64 = senders.iter().map(|sender| sender.counts).sum();
    println!(
        "seed {seed}: {:?}: {} events sent, {} acknowledged, {} answers lost, {counts} counts right after an \
         acknowledgement, {} sessions, {} compared again, {} nodes fenced, {:?}; {:?}",
        began.elapsed(),
        ledger.len(),
        ledger.acked(),
        ledger.lost_answers,
        auditor.given.len(),
        auditor.compared,
        bed.fenced,
        bed.struck,
        auditor.failed,
    );
    // The controls: what meets nothing proves nothing.
    assert!(ledger.acked() > 100 && ledger.lost_answers > 0 && counts > 10);
    assert!(!auditor.given.is_empty() && auditor.compared > 0);
    for nemesis in ALL {
        assert!(
            bed.struck.get(&nemesis).is_some_and(|times| *times > 0),
            "{nemesis:?}"
        );
    }
    at_rest(&bed, &callers);
    let node = bed.nodes().next().unwrap();
    let compared = later_ones(&bed.cluster, node, &auditor.given);
    let (codes, cluster) = bed.stop();
    assert_eq!(codes, [Some(0); 3]);
    receipts_verify(&cluster, &auditor.given, &compared);
}

/// Ends a scene, whatever ends the one who holds it.
struct Over<'a>(&'a Scene);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

fn shuffled(numbers: &mut Numbers) -> Vec<Nemesis> {
    let mut left = ALL.to_vec();
    let mut order = Vec::new();
    while !left.is_empty() {
        let next = *one_of(numbers, &left);
        left.retain(|nemesis| *nemesis != next);
        order.push(next);
    }
    order
}

/// Compares all stored events with all answers, while nobody sends.
fn check(scene: &mut Scene, callers: &[Caller]) {
    let ledger = scene.ledger.get_mut().unwrap();
    ledger.deletions_rest();
    let stored = everything(&callers[0]);
    let faults = ledger.faults(&stored);
    let first = faults.iter().take(5).cloned().collect::<Vec<_>>();
    assert!(
        faults.is_empty(),
        "{} of {} events are wrong:\n{}",
        faults.len(),
        ledger.len(),
        first.join("\n")
    );
    for caller in callers {
        let count = counted(caller, [DOOMED_DAY, KEPT_DAYS[1]], true);
        assert_eq!(count, Some(stored.len() as u64), "{}", caller.address);
    }
}

/// Checks what is left in the servers when everything is sealed and signed.
fn at_rest(bed: &Bed, callers: &[Caller]) {
    let database = &bed.cluster.database;
    everything(&callers[1]);
    let batches = || database.number("SELECT COUNT(*) FROM batches");
    wait_until("no batch is left", PATIENCE * 2, || batches() == 0);
    assert_eq!(database.number(OFF), 0, "totals are off");
    let keys = bed.s3.keys();
    let paths = database.sql("SELECT path FROM objects");
    for path in paths.lines() {
        assert!(
            keys.iter().any(|key| key.ends_with(path)),
            "{path} is not in the bucket"
        );
    }
    assert!(!paths.is_empty(), "the control");
    bed.look_at_logs();
}

/// Returns the name of a file with what an auditor was given.
fn given_file(number: usize) -> String {
    format!("given-{number:04}.gz")
}

/// Downloads the same days again, with the proof since some of the receipts; returns the numbers of those.
fn later_ones(cluster: &Cluster, node: &Node, given: &[Given]) -> Vec<usize> {
    let step = given.len().div_ceil(COMPARED);
    let chosen: Vec<_> = (0..given.len()).step_by(step).collect();
    for (number, one) in given.iter().enumerate() {
        let file = given_file(number);
        fs::write(cluster.env.path(&file), &one.bytes).unwrap();
        fs::write(cluster.env.path(&format!("{file}.receipt")), &one.receipt).unwrap();
    }
    for number in &chosen {
        let receipt = format!("{}.receipt", given_file(*number));
        let later = format!("later-{number}.gz");
        let args = ["download", "-q", "-a", "-o", &later, "--since", &receipt];
        let days = ["-s", KEPT_DAYS[0], "-e", KEPT_DAYS[1]];
        cluster.run(node, &[&args[..], &days].concat()).ok();
    }
    chosen
}

/// Verifies every receipt that was given, now that nobody serves: each of its bytes, and some against what came later.
fn receipts_verify(cluster: &Cluster, given: &[Given], compared: &[usize]) {
    let home = cluster.env.path("home/n1");
    let run = |args: &[&str]| {
        let mut command = cluster.env.command(args);
        finish(command.env("XDG_CONFIG_HOME", &home), b"")
    };
    for number in 0..given.len() {
        run(&["verify", &given_file(number)]).ok();
    }
    for number in compared {
        let receipt = format!("{}.receipt", given_file(*number));
        run(&["verify", &format!("later-{number}.gz"), "--since", &receipt]).ok();
    }
    // The control: with another checksum of its last member a file is no proof. (Some bits of a member's head mean nothing.)
    let mut broken = given[0].bytes.clone();
    let checksum = broken.len() - 8;
    broken[checksum] ^= 1;
    fs::write(cluster.env.path(&given_file(0)), broken).unwrap();
    assert_ne!(run(&["verify", &given_file(0)]).code, 0, "the control");
}
