//! After a power loss at any moment, everything that the server promised is there, on every state of the disk that is
//! possible at that moment.
//!
//! `ATRAIL_CRASH_POINTS` sets how many moments the test tries, `ATRAIL_CRASH_SEED` where they begin; the default is a
//! short run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use atrail_torture::{
    Disk, Ledger, Numbers, Program, Record, Shim, Syncs, nanos, read_trace, workload,
};

/// Moments to try with one run of the workload.
const POINTS_PER_RUN: u64 = 500;

fn setting(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(default)
}

pub(crate) fn program(seal_at: &str) -> Program {
    Program {
        binary: env!("CARGO_BIN_EXE_atrail").into(),
        config: format!(
            "[store]\nseal_at = \"{seal_at}\"\nseal_after = \"2s\"\n[log]\nlevel = \"warn\"\n"
        ),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a long run is followed while it goes on"
)]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// Returns whether the shim is missing here; reports why.
pub(crate) fn skipped() -> bool {
    if let Some(why) = Shim::missing() {
        say(&format!("skipped: {why}"));
    }
    Shim::missing().is_some()
}

/// The operations on a disk, and the senders' record.
struct Recorded {
    /// The disk before the workload.
    before: Disk,
    trace: Vec<Record>,
    ledger: Ledger,
    /// The disk as the system saw it at the end.
    left: tempfile::TempDir,
}

fn record(rounds: u64, seed: u64) -> Recorded {
    let left = tempfile::tempdir().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let before = Disk::holding(left.path());
    let shim = Shim::new(left.path(), scratch.path());
    shim.control.slow_syncs(2_000);
    let server = program("64KiB")
        .start(left.path(), scratch.path(), Some(&shim))
        .unwrap();
    assert!(shim.control.ready() > 0, "the shim is not in the server");
    let ledger = Ledger::default();
    let client = server.client().unwrap();
    let refused = workload(&client, &ledger, rounds, seed);
    assert_eq!(refused, 0, "requests refused without a fault");
    let all = client.everything().unwrap();
    assert_eq!(ledger.check(&all, nanos()), Vec::<String>::new());
    server.kill();
    Recorded {
        before,
        trace: read_trace(shim.trace()),
        ledger,
        left,
    }
}

impl Recorded {
    /// Returns the disk after this many operations, and the moment before the next.
    fn disk_at(&self, point: usize, syncs: Syncs) -> (Disk, u64) {
        let mut disk = self.before.clone().with_syncs(syncs);
        self.trace[..point]
            .iter()
            .for_each(|record| disk.apply(record));
        let moment = self.trace.get(point).map_or(u64::MAX, |next| next.nanos);
        (disk, moment)
    }

    /// Starts a server on the state that a power loss leaves; returns the faults.
    fn try_point(&self, point: usize, seed: u64, syncs: Syncs) -> Vec<String> {
        let (disk, moment) = self.disk_at(point, syncs);
        let image = tempfile::tempdir().unwrap();
        disk.lose_power(seed, image.path());
        drop(disk);
        self.look_at(image.path(), moment, seed)
            .unwrap_or_else(|why| vec![why])
    }

    fn look_at(&self, image: &Path, moment: u64, seed: u64) -> Result<Vec<String>, String> {
        let scratch = tempfile::tempdir().unwrap();
        let server = program("64KiB").start(image, scratch.path(), None)?;
        let client = server.client()?;
        let mut wrong = self.ledger.check(&client.everything()?, moment);
        // A sender whose answer was lost sends again; that must duplicate nothing.
        if self.ledger.acknowledged(moment) > 0 && wrong.is_empty() && seed.is_multiple_of(4) {
            let status = self.ledger.send_all_again(&client, moment);
            if status != 200 {
                wrong.push(format!("sending again: {status}"));
            }
            wrong.extend(self.ledger.check(&client.everything()?, moment));
        }
        Ok(wrong)
    }

    /// Tries moments spread over the whole run, two at a time.
    fn try_points(&self, points: u64, first_seed: u64, syncs: Syncs) -> Vec<String> {
        let next = Mutex::new(0);
        let wrong = Mutex::new(Vec::new());
        let work = || loop {
            let turn = {
                let mut next = next.lock().unwrap();
                *next += 1;
                *next - 1
            };
            if turn >= points {
                return;
            }
            let seed = first_seed + turn;
            let point = Numbers::new(!seed).below(self.trace.len() as u64 + 1) as usize;
            let found = self.try_point(point, seed, syncs);
            if !found.is_empty() {
                let text = format!(
                    "moment {point} of {}, seed {seed}, {} problems: {}",
                    self.trace.len(),
                    found.len(),
                    found[..found.len().min(3)].join("; ")
                );
                say(&text);
                wrong.lock().unwrap().push(text);
            }
        };
        thread::scope(|scope| {
            scope.spawn(work);
            work();
        });
        wrong.into_inner().unwrap()
    }
}

#[test]
fn what_is_acknowledged_survives_a_power_loss_at_any_moment() {
    if skipped() {
        return;
    }
    let points = setting("ATRAIL_CRASH_POINTS", 30);
    let first_seed = setting("ATRAIL_CRASH_SEED", 1);
    let mut wrong = Vec::new();
    let mut tried = 0;
    while tried < points {
        let recorded = record(20, first_seed + tried);
        let now = (points - tried).min(POINTS_PER_RUN);
        wrong.extend(recorded.try_points(now, first_seed + tried, Syncs::Honest));
        tried += now;
    }
    assert!(wrong.is_empty(), "{} of {tried} moments", wrong.len());
}

#[test]
fn the_same_check_sees_a_disk_that_does_not_sync() {
    if skipped() {
        return;
    }
    let recorded = record(6, 1);
    let end = recorded.trace.len();
    let wrong = recorded.try_point(end, 0, Syncs::Ignored);
    assert!(
        !wrong.is_empty(),
        "nothing was synced, and nothing is missing"
    );
    assert_eq!(
        recorded.try_point(end, 0, Syncs::Honest),
        Vec::<String>::new()
    );
}

/// The control of the whole: an operation that the shim misses would make the two differ.
#[test]
fn the_trace_tells_everything_that_happens_to_the_disk() {
    if skipped() {
        return;
    }
    let recorded = record(12, 1);
    let (disk, _) = recorded.disk_at(recorded.trace.len(), Syncs::Honest);
    let told = tempfile::tempdir().unwrap();
    disk.write_live(told.path());
    let (told, left) = (files(told.path()), files(recorded.left.path()));
    assert_eq!(
        told.keys().collect::<Vec<_>>(),
        left.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &left {
        // Memory that SQLite's connections share; SQLite rebuilds it after a crash.
        if !name.ends_with("-shm") {
            assert!(told[name] == *bytes, "{name} differs");
        }
    }
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}
