//! The proof of one event.

use atrail_evidence::{
    EventPath, EventProof, ProofError, ProvenEvent, SigningKey, contents, line_of_id, prove,
};

use crate::key;
use crate::world::{ALL_DAY, World};

fn proof() -> (World, String, String) {
    let mut world = World::new(key());
    let one = world.add_space("5bace1");
    let two = world.add_space("5bace2");
    let (today, yesterday) = (world.today, world.today.minus(1));
    for log in [one, two] {
        world.seal(log, yesterday, &[(3, 12), (4, 9)]);
        world.seal(log, today, &[(0, 1500)]);
        world.seal(log, yesterday, &[(3, 6)]);
    }
    let download = world.session(None, (yesterday, today), ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let mut last = String::new();
    for (line, event) in (1..).zip(download.text.lines()).step_by(97) {
        let proof = prove(&receipt, download.file.as_slice(), line).unwrap();
        let text = proof.to_text();
        assert_eq!(EventProof::parse(&text).unwrap(), proof);
        let proven = proof.verify(&[world.key.verifier_key().clone()]).unwrap();
        assert_eq!(proven.event, event);
        assert!(proven.is_pinned);
        let id = event.split('"').nth(3).unwrap();
        assert_eq!(line_of_id(download.text.as_bytes(), id).unwrap(), line);
        last = text;
    }
    let beyond = download.text.lines().count() as u64 + 1;
    assert!(prove(&receipt, download.file.as_slice(), beyond).is_err());
    assert!(prove(&receipt, download.file.as_slice(), 0).is_err());
    assert!(line_of_id(download.file.as_slice(), "nobody").is_err());
    (world, receipt, last)
}

#[test]
fn each_event_is_proven_and_no_changed_bit_of_a_proof_is() {
    let (world, _, text) = proof();
    let keys = [world.key.verifier_key().clone()];
    let holds = |text: &str| EventProof::parse(text).is_ok_and(|proof| proof.verify(&keys).is_ok());
    assert!(holds(&text));
    let mut count = 0;
    for bit in (0..text.len() * 8).step_by(7) {
        let mut bytes = text.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = String::from_utf8(bytes) {
            assert!(!holds(&changed), "bit {bit}");
            count += 1;
        }
    }
    println!("{count} bits of a proof flipped, none verifies");
    let other = SigningKey::generate("atrail-test").unwrap();
    let proof = EventProof::parse(&text).unwrap();
    assert!(proof.verify(&[other.verifier_key().clone()]).is_err());
    assert!(!proof.verify(&[]).unwrap().is_pinned);
}

/// Content that a later version may introduce is not wrong, and proves nothing.
#[test]
fn a_proof_of_a_later_version_is_not_judged() {
    type Change = fn(&mut EventPath);
    let (world, _, text) = proof();
    let keys = [world.key.verifier_key().clone()];
    let judged = |text: &str| EventProof::parse(text).and_then(|proof| proof.verify(&keys));
    let changed = |change: Change| {
        let mut proof = EventProof::parse(&text).unwrap();
        change(&mut proof.extra);
        judged(&proof.to_text())
    };
    let is_unknown =
        |judged: &Result<ProvenEvent, ProofError>| matches!(judged, Err(ProofError::Unknown(_)));
    let later: [Change; 4] = [
        |path| path.version = 2,
        |path| path.kind = "atrail-range-proof".to_owned(),
        |path| path.entry = path.entry.replace("\"seal\"", "\"snapshot\""),
        |path| path.control.push(r#"{"type":"snapshot"}"#.to_owned()),
    ];
    for (number, change) in later.into_iter().enumerate() {
        let judged = changed(change);
        assert!(is_unknown(&judged), "{number}: {judged:?}");
    }
    let wrong: [Change; 3] = [
        |path| path.entry = path.entry.replace("\"seal\"", "\"delete\""),
        |path| path.control.push(r#"{"type":"policy"}"#.to_owned()),
        |path| path.control.push(r#"{"kind":"snapshot"}"#.to_owned()),
    ];
    for (number, change) in wrong.into_iter().enumerate() {
        let judged = changed(change);
        assert!(
            matches!(judged, Err(ProofError::Wrong(_))),
            "{number}: {judged:?}"
        );
    }
    let judged = judged(&text.replacen("tlog-proof@v1", "tlog-tile@v1", 1));
    assert!(matches!(judged, Err(ProofError::Wrong(_))));
}

/// Another version is a number from 2, in its one form; any other text may be a damaged proof of this version.
#[test]
fn the_first_line_is_that_of_a_version() {
    let (world, _, text) = proof();
    let keys = [world.key.verifier_key().clone()];
    let judged = |first: &str| {
        let text = text.replacen("c2sp.org/tlog-proof@v1\n", first, 1);
        EventProof::parse(&text).and_then(|proof| proof.verify(&keys))
    };
    let format = |version: &str| format!("c2sp.org/tlog-proof@{version}\n");
    assert!(judged(&format("v1")).is_ok());
    for version in ["v2", "v10", "v18446744073709551615"] {
        let judged = judged(&format(version));
        assert!(
            matches!(judged, Err(ProofError::Unknown(_))),
            "{version}: {judged:?}"
        );
    }
    let none = [
        "",
        "v",
        "v0",
        "v01",
        "v02",
        "v+2",
        "v-2",
        "v1 ",
        "v1\r",
        "v2 ",
        "v2\r",
        "V2",
        "2",
        "x",
        "v2.0",
        "v18446744073709551616",
    ];
    let others = [
        "c2sp.org/tlog-tile@v2\n",
        "\n",
        "",
        "\u{feff}c2sp.org/tlog-proof@v2\n",
    ];
    for first in none
        .map(format)
        .into_iter()
        .chain(others.map(str::to_owned))
    {
        let judged = judged(&first);
        assert!(
            matches!(judged, Err(ProofError::Wrong(_))),
            "{first:?}: {judged:?}"
        );
    }
    // The first line must end with LF.
    let cut = EventProof::parse("c2sp.org/tlog-proof@v2");
    assert!(matches!(cut, Err(ProofError::Wrong(_))), "{cut:?}");
}

/// For a proof of another type, the lines and the JSON of `extra` must have their form; nothing more is judged.
#[test]
fn what_is_judged_of_a_proof_of_another_type() {
    let (_, _, text) = proof();
    let mut later = EventProof::parse(&text).unwrap();
    later.extra.kind = "atrail-range-proof".to_owned();
    later.extra.domain = "nobody".to_owned();
    later.checkpoint = "no note".to_owned();
    let later = later.to_text();
    let is_wrong = |text: &str| match EventProof::parse(text) {
        Err(ProofError::Wrong(_)) => true,
        Err(ProofError::Unknown(_)) => false,
        Ok(proof) => panic!("{proof:?}"),
    };
    assert!(!is_wrong(&later));
    for (was, is) in [
        ("extra ", "extra !"),
        ("index ", "index 0"),
        ("=\n\n", "\n\n"),
        ("\n\nno note", "\nno note"),
    ] {
        assert!(later.contains(was), "{was:?}");
        assert!(is_wrong(&later.replacen(was, is, 1)), "{is:?}");
    }
}

#[test]
fn a_receipt_states_whose_each_line_is() {
    let mut world = World::new(key());
    let one = world.add_space("5bace1");
    let two = world.add_space("5bace2");
    let (today, yesterday) = (world.today, world.today.minus(1));
    world.seal(two, today, &[(0, 3)]);
    world.seal(one, yesterday, &[(3, 12), (4, 9)]);
    world.seal(one, today, &[(5, 1500)]);
    let download = world.session(None, (yesterday, today), ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let all = contents(&receipt).unwrap();
    let listed: Vec<_> = all
        .iter()
        .map(|lines| (lines.domain.as_str(), lines.events))
        .collect();
    let expected = [
        ("space-5bace1", 12),
        ("space-5bace1", 9),
        ("space-5bace1", 1500),
        ("space-5bace2", 3),
    ];
    assert_eq!(listed, expected);
    // A proof of the first line of each names the same domain and segment.
    let mut line = 1;
    for lines in &all {
        let proof = prove(&receipt, download.file.as_slice(), line).unwrap();
        let proven = proof.verify(&[world.key.verifier_key().clone()]).unwrap();
        assert_eq!(
            (proven.domain, proven.segment, proven.index),
            (lines.domain.clone(), lines.segment.clone(), 0)
        );
        line += lines.events;
    }
    assert!(contents("no receipt").is_err());
}
