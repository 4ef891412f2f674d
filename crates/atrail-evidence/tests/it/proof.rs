//! The proof of one event.

use atrail_evidence::{
    EventPath, EventProof, ProofError, ProvenEvent, SigningKey, line_of_id, prove,
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

/// What a later version may say is not wrong, and proves nothing.
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
    assert!(is_unknown(&judged(&text.replacen("@v1", "@v2", 1))));
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
