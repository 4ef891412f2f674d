//! Rules that usually fail together with another one: each test breaks only one.

use atrail_evidence::{
    DeletionKind, Expectations, FindingKind, HoldLevel, Outcome, Receipt, Report, SigningKey,
    leaf_hash,
};

use crate::python::{both, code};
use crate::world::{ALL_DAY, Download, World};
use crate::{check, key, pinned};

const SPACE: &str = "5bace1";

fn judged(world: &World, download: &Download) -> Report {
    let receipt = download.receipt.sign(&world.key).unwrap();
    both(&receipt, &pinned(&key()), &download.file).unwrap()
}

/// Makes a space with a short and a long segment today, and records one text in place of another.
fn today(respelled: Option<(String, String)>, has_runs: bool) -> (World, Download) {
    let mut world = World::respelling(key(), respelled);
    let space = world.add_space(SPACE);
    world.seal(space, world.today, &[(1, 3), (2, 1100)]);
    let mut download = world.session(Some(1), (world.today, world.today), ALL_DAY, &[]);
    if !has_runs {
        download.receipt.domains[0].subtrees.clear();
    }
    (world, download)
}

#[test]
fn a_segment_has_as_many_bytes_as_were_sealed() {
    let (_, honest) = today(None, true);
    let entry = &honest.receipt.domains[0].lists[0].entries[0];
    let value: serde_json::Value = serde_json::from_str(entry).unwrap();
    for has_runs in [true, false] {
        for (segment, more) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let mut changed = value.clone();
            let size = &mut changed["segments"][segment]["size"];
            *size = (size.as_u64().unwrap() + more).into();
            let (world, download) = today(Some((entry.clone(), changed.to_string())), has_runs);
            let is_right = judged(&world, &download).outcome == Outcome::Proven;
            assert_eq!(is_right, more == 0, "{segment}, {has_runs}");
        }
    }
}

#[test]
fn a_genesis_names_its_own_domain() {
    let (_, honest) = today(None, true);
    let genesis = &honest.receipt.domains[0].control[0];
    let of_another = genesis.replacen(SPACE, "5bace9", 1);
    let (world, download) = today(Some((genesis.clone(), of_another)), true);
    assert_eq!(judged(&world, &download).outcome, Outcome::Failed);
}

/// Wrong subtree hashes are a fault of the receipt, not of the file.
#[test]
fn wrong_subtree_hashes_are_told_as_wrong_evidence() {
    type Change = fn(&mut Receipt);
    let changes: [Change; 2] = [
        |receipt| {
            let mut runs = receipt.domains[0].subtrees.values_mut();
            runs.next().unwrap()[1].0[0] ^= 1;
        },
        |receipt| {
            let entry = receipt.domains[0].lists[0].entries[0].clone();
            let value: serde_json::Value = serde_json::from_str(&entry).unwrap();
            let root = value["segments"][1]["root"].as_str().unwrap().parse();
            let mut runs = receipt.domains[0].subtrees.values_mut();
            *runs.next().unwrap() = vec![root.unwrap()];
        },
    ];
    for change in changes {
        let (world, mut download) = today(None, true);
        change(&mut download.receipt);
        let receipt = download.receipt.sign(&world.key).unwrap();
        let report = check(&world.key, &receipt, &download.file).unwrap();
        let kinds: Vec<_> = report.findings.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [FindingKind::LogInvalid]);
    }
}

/// Releasing one of two holds leaves the other.
#[test]
fn a_release_ends_the_hold_of_its_level_alone() {
    for released in [HoldLevel::Space, HoldLevel::Account] {
        let mut world = World::new(key());
        let space = world.add_space(SPACE);
        world.seal(space, world.today, &[(1, 3)]);
        for level in [HoldLevel::Space, HoldLevel::Account] {
            world.hold(space, level, true);
        }
        world.hold(space, released, false);
        world.delete(space, world.today, ALL_DAY, DeletionKind::Request, true);
        let download = world.session(Some(1), (world.today, world.today), ALL_DAY, &[]);
        let report = judged(&world, &download);
        assert_eq!(report.findings[0].kind, FindingKind::UnauthorisedDelete);
    }
}

#[test]
fn acknowledged_events_are_counted_and_missed_in_order() {
    let (world, download) = today(None, true);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let mut leaves: Vec<_> = download
        .text
        .lines()
        .step_by(50)
        .map(|line| leaf_hash(line.as_bytes()))
        .collect();
    let there = leaves.len() as u64;
    leaves.extend((0..30).map(|number: u8| leaf_hash(&[number])));
    // A duplicate counts once.
    leaves.push(leaves[0]);
    let expected = Expectations {
        contains: Some(leaves),
        ..pinned(&key())
    };
    let report = both(&receipt, &expected, &download.file).unwrap();
    assert_eq!(report.acknowledged, Some(there));
    assert_eq!(report.findings.len(), 30);
    let mut missed: Vec<_> = (0..30)
        .map(|number: u8| atrail_evidence::Hash::from(leaf_hash(&[number])))
        .collect();
    missed.sort_unstable();
    let told = report.findings.iter().map(|one| one.detail.clone());
    let expected = missed
        .iter()
        .map(|hash| format!("the acknowledged event {hash} is not in the file"));
    assert!(told.eq(expected));
}

/// An entry of an unknown type leaves the signers unknown, whatever the other lists hold.
#[test]
fn an_unknown_type_in_one_control_list_leaves_the_keys_of_all_open() {
    let judged = |is_unknown: bool| {
        let mut world = World::new(key());
        world.add_space(SPACE);
        world.key = SigningKey::generate("atrail-test").unwrap();
        // Endorsed by a key that no list holds.
        world.rotate_to(SigningKey::generate("atrail-test").unwrap());
        if is_unknown {
            world.later(1, None);
        }
        let download = world.session(None, (world.today, world.today), ALL_DAY, &[]);
        let receipt = download.receipt.sign(&world.key).unwrap();
        code(&both(&receipt, &pinned(&key()), &download.file))
    };
    assert_eq!(judged(false), 1, "the control");
    assert_eq!(judged(true), 3);
}
