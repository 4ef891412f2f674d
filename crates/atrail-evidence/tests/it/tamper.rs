//! Attacks on a download and its evidence: none of them verifies.

mod content;
mod receipt;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use atrail_evidence::{
    DeletionKind, Expectations, FindingKind, HoldLevel, HourRange, Manifest, Outcome, Receipt,
    Report, Scope, ScopeOf, SigningKey, verify,
};
use atrail_model::Day;

use crate::python::both;
use crate::world::{ALL_DAY, Download, World, gzip};
use crate::{check, key, number, pinned};

const HOURS: HourRange = HourRange { first: 4, last: 4 };

/// Makes two spaces with several days and segments, and deletions of both kinds.
fn world() -> (World, (Day, Day)) {
    let mut world = World::new(key());
    let one = world.add_space("5bace1");
    let two = world.add_space("5bace2");
    let today = world.today;
    let yesterday = today.minus(1);
    for log in [one, two] {
        world.seal(log, yesterday, &[(3, 12), (4, 9), (5, 4)]);
        world.seal(log, today, &[(0, 1500), (1, 20)]);
        world.seal(log, yesterday, &[(3, 6)]);
    }
    world.seal(0, today, &[(7, 3)]);
    world.delete(one, yesterday, HOURS, DeletionKind::Request, false);
    world.seal(one, today, &[(2, 3)]);
    world.policy(two, 0);
    world.delete(two, yesterday, ALL_DAY, DeletionKind::Retention, false);
    world.seal(two, yesterday, &[(8, 5)]);
    (world, (yesterday, today))
}

fn account() -> (World, Download, String) {
    let (world, days) = world();
    let download = world.session(None, days, ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    (world, download, receipt)
}

fn kinds(report: &Report) -> Vec<FindingKind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

/// The control of everything below.
#[test]
fn the_untouched_bundle_verifies() {
    let (world, download, receipt) = account();
    let report = check(&world.key, &receipt, &download.file).unwrap();
    assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
    assert_eq!(report.domains.len(), 3);
    assert_eq!(report.domains[1].by_request.events, 9);
    assert_eq!(report.domains[2].by_retention.events, 31);
    println!(
        "file {} bytes, receipt {} bytes",
        download.file.len(),
        receipt.len()
    );
}

/// Makes the same account with fewer and longer events: file and receipt have at least this many bytes.
fn bundle(bytes: usize) -> (World, Download, String) {
    let mut world = World::new(key());
    let (today, yesterday) = (world.today, world.today.minus(1));
    world.padding = 500;
    for guid in ["5bace1", "5bace2"] {
        let log = world.add_space(guid);
        world.seal(log, yesterday, &[(3, 3), (4, 2)]);
        world.delete(log, yesterday, HOURS, DeletionKind::Request, false);
    }
    loop {
        world.seal(1, today, &[(2, 4), (5, 3)]);
        world.seal(2, yesterday, &[(6, 2)]);
        let download = world.session(None, (yesterday, today), ALL_DAY, &[]);
        let receipt = download.receipt.sign(&world.key).unwrap();
        if download.file.len() + receipt.len() >= bytes {
            return (world, download, receipt);
        }
    }
}

/// The long form flips every bit of a larger download; it asks the script about as many bits as the short form.
#[test]
fn no_flipped_bit_is_proven() {
    const SHORT: u64 = 509;
    let stride = number("ATRAIL_EVIDENCE_STRIDE", SHORT);
    let bytes = number("ATRAIL_EVIDENCE_BUNDLE_BYTES", 0);
    let (world, download, receipt) = match bytes {
        0 => account(),
        bytes => bundle(usize::try_from(bytes).unwrap()),
    };
    let pinned = pinned(&world.key);
    let file_bits = download.file.len() as u64 * 8;
    let all_bits = file_bits + receipt.len() as u64 * 8;
    let (refused, recompressed) = (AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let flip = |bytes: &[u8], bit: u64| {
        let mut bytes = bytes.to_vec();
        bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
        bytes
    };
    let work = |first: u64| {
        for bit in (first * stride..all_bits).step_by(usize::try_from(threads * stride).unwrap()) {
            let verify = |receipt: &str, file: &[u8]| match bit % SHORT {
                0 => both(receipt, &pinned, file),
                _ => verify(receipt, &pinned, file),
            };
            let report = if bit < file_bits {
                verify(&receipt, &flip(&download.file, bit)).ok()
            } else {
                String::from_utf8(flip(receipt.as_bytes(), bit - file_bits))
                    .ok()
                    .and_then(|receipt| verify(&receipt, &download.file).ok())
            };
            match report {
                // A bit without meaning, such as the time in a gzip header: the events are the same, byte for byte.
                Some(report) if report.outcome == Outcome::Proven => {
                    assert!(bit < file_bits && report.is_recompressed, "bit {bit}");
                    recompressed.fetch_add(1, Ordering::Relaxed);
                }
                _ => {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for first in 0..threads {
            let work = &work;
            scope.spawn(move || work(first));
        }
    });
    let (refused, recompressed) = (refused.into_inner(), recompressed.into_inner());
    println!(
        "{} bits flipped of {all_bits} (file {} bytes, receipt {}): {refused} refused, {recompressed} without meaning for the content, told as recompressed",
        refused + recompressed,
        download.file.len(),
        receipt.len()
    );
    // The headers and trailers of the members have fewer bits without meaning than this.
    let manifest: Manifest = serde_json::from_str(&download.receipt.manifest).unwrap();
    assert!(recompressed * stride <= manifest.objects.len() as u64 * 80 + stride);
}
