//! Honest histories: every receipt and file that an honest server serves verifies.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use atrail_evidence::{
    DeletionKind, Expectations, HoldLevel, Outcome, Report, VerifyError, verify,
};
use atrail_model::Day;

use crate::python::both;
use crate::world::{ALL_DAY, World, gzip};
use crate::{check, key, number, pinned};

/// A sequence that is the same for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Returns the day this many days before the world's today.
fn back(world: &World, days: u64) -> Day {
    world.today.minus(u32::try_from(days).unwrap())
}

fn step(world: &mut World, random: &mut Random) {
    let log = usize::try_from(random.below(world.logs.len() as u64)).unwrap();
    let days = random.below(6);
    let day = back(world, days);
    let level = [HoldLevel::Space, HoldLevel::Account][usize::from(random.below(2) == 0)];
    match random.below(20) {
        0..=8 => {
            let segments: Vec<_> = (0..=random.below(3))
                .map(|_| {
                    let hour = u8::try_from(random.below(24)).unwrap();
                    let is_long = random.below(30) == 0;
                    let count = if is_long {
                        1020 + random.below(1100)
                    } else {
                        1 + random.below(9)
                    };
                    (hour, usize::try_from(count).unwrap())
                })
                .collect();
            world.seal(log, day, &segments);
        }
        9 | 10 => {
            world.delete(log, day, ALL_DAY, DeletionKind::Request, false);
        }
        11 => {
            let hours = atrail_evidence::HourRange { first: 3, last: 15 };
            world.delete(log, day, hours, DeletionKind::Request, false);
        }
        12 | 13 => {
            world.delete(log, day, ALL_DAY, DeletionKind::Retention, false);
        }
        14 => {
            let days = i64::try_from(random.below(5)).unwrap() - 1;
            world.policy(log, days);
        }
        15 => {
            let stands = random.below(2) == 0;
            world.hold(log, level, stands);
        }
        16 => {
            world.add_space(&format!("5bace{}", world.logs.len()));
        }
        17 => world.remove_space(&format!("5bace{}", random.below(4) + 1)),
        18 => world.rotate(),
        _ => world.today = Day::from_number(world.today.number() + 1).unwrap(),
    }
}

fn verify_bytes(
    receipt: &str,
    expected: &Expectations,
    file: &[u8],
) -> Result<Report, VerifyError> {
    verify(receipt, expected, file)
}

/// Number of histories of the short form.
const SHORT: u64 = 60;

#[test]
fn every_receipt_of_random_histories_verifies_also_since_earlier_ones() {
    let histories = number("ATRAIL_EVIDENCE_HISTORIES", SHORT);
    let next = AtomicU64::new(0);
    let worker = || {
        let (mut receipts, mut consistent) = (0, 0);
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= histories {
                return (receipts, consistent);
            }
            let counts = history(seed);
            (receipts, consistent) = (receipts + counts.0, consistent + counts.1);
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (receipts, consistent) = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let ended = workers.into_iter().map(|worker| worker.join().unwrap());
        ended.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1))
    });
    assert!(receipts >= histories, "each history has one at least");
    println!(
        "{histories} histories: {receipts} receipts verified, {consistent} since an earlier one"
    );
}

/// Returns how many receipts of a history verified, and how many comparisons with an earlier one.
fn history(seed: u64) -> (u64, u64) {
    let (mut receipts, mut consistent) = (0, 0);
    let mut random = Random(seed);
    let mut world = World::new(key());
    world.add_space("5bace1");
    let key = key();
    let mut earlier = Vec::new();
    // The long form asks the script about as many histories as the short form.
    let conclude = if seed < SHORT { both } else { verify_bytes };
    for round in 0..4 {
        for _ in 0..=random.below(8) {
            step(&mut world, &mut random);
        }
        if round == 2 && random.below(4) == 0 {
            // A new epoch begins with new trust in its key.
            break;
        }
        let days = random.below(7);
        let range = (back(&world, days), back(&world, 0));
        let space = (random.below(3) == 0).then_some(1);
        let sizes: Vec<_> = earlier
            .iter()
            .map(|(_, sizes): &(String, Vec<u64>)| sizes.clone())
            .collect();
        let download = world.session(space, range, ALL_DAY, &sizes);
        let receipt = download.receipt.sign(&world.key).unwrap();
        let report = conclude(&receipt, &pinned(&key), &download.file).unwrap();
        assert_eq!(report.outcome, Outcome::Proven, "seed {seed}: {report:#?}");
        assert!(!report.is_recompressed, "seed {seed}");
        receipts += 1;
        let whole = world.session(None, range, ALL_DAY, &sizes);
        let signed = whole.receipt.sign(&world.key).unwrap();
        for (old, _) in &earlier {
            let expected = Expectations {
                since: Some(old.clone()),
                ..pinned(&key)
            };
            let report = conclude(&signed, &expected, &whole.file).unwrap();
            assert_eq!(report.outcome, Outcome::Proven, "seed {seed}: {report:#?}");
            consistent += 1;
        }
        earlier.push((signed, world.sizes()));
    }
    (receipts, consistent)
}

#[test]
fn what_was_compressed_anew_is_proven_and_said() {
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    let day = world.today;
    world.seal(space, day, &[(3, 2100), (4, 7)]);
    world.seal(space, day, &[(3, 5)]);
    let download = world.session(Some(space), (day, day), ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let half = download.text.len() / 2 + 11;
    let members = [
        gzip(&download.text[..half]),
        gzip(""),
        gzip(&download.text[half..]),
    ]
    .concat();
    let files = [
        (download.file.clone(), false),
        (download.text.clone().into_bytes(), true),
        (gzip(&download.text), true),
        (members, true),
    ];
    for (file, is_recompressed) in files {
        let report = check(&world.key, &receipt, &file).unwrap();
        assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
        assert_eq!(report.is_recompressed, is_recompressed);
        assert_eq!(report.events, 2112);
    }
}

#[test]
fn acknowledged_events_are_found() {
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    let day = world.today;
    world.seal(space, day, &[(3, 5)]);
    let download = world.session(Some(space), (day, day), ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let line = download.text.lines().nth(2).unwrap();
    let printed = |line: &str| {
        let value = atrail_evidence::leaf_hash(line.as_bytes());
        format!("{{\"id\":\"e\",\"value\":\"{value}\"}}\n{{\"index\":3,\"error\":\"refused\"}}\n")
    };
    for (line, outcome) in [(line, Outcome::Proven), ("another", Outcome::Failed)] {
        let contains = atrail_evidence::parse_acknowledgements(&printed(line)).unwrap();
        let expected = Expectations {
            keys: vec![world.key.verifier_key().clone()],
            contains: Some(contains),
            ..Expectations::default()
        };
        let report = both(&receipt, &expected, &download.file).unwrap();
        assert_eq!(report.outcome, outcome, "{report:#?}");
    }
}
