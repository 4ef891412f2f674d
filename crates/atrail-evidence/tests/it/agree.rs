//! A log's statements must agree with the receipt's content, each on its own, even when the right key has signed them.

use atrail_evidence::{
    Checkpoint, DeletionKind, FindingKind, Hash, HourRange, Manifest, Outcome, Receipt, Record,
    Root, SigningKey, TreeHasher, endorsement_text,
};

use crate::python::{both, code};
use crate::world::{ALL_DAY, Download, World};
use crate::{check, key, pinned};

const SPACE: &str = "5bace1";

fn world() -> World {
    respelled(None)
}

fn respelled(respelled: Option<(String, String)>) -> World {
    let mut world = World::respelling(key(), respelled);
    let space = world.add_space(SPACE);
    let yesterday = world.today.minus(1);
    world.policy(space, 7);
    world.seal(space, yesterday, &[(3, 2), (4, 3)]);
    let hours = HourRange { first: 4, last: 4 };
    world.delete(space, yesterday, hours, DeletionKind::Request, false);
    world.seal(space, world.today, &[(1, 1), (2, 2)]);
    world
}

fn download(world: &World) -> Download {
    let days = (world.today.minus(1), world.today);
    world.session(Some(1), days, ALL_DAY, &[])
}

/// Returns the verdict of both verifiers, with the first key pinned.
fn of(world: &World, download: &Download) -> i64 {
    let receipt = download.receipt.sign(&world.key).unwrap();
    code(&both(&receipt, &pinned(&key()), &download.file))
}

fn changed(world: &World, change: impl FnOnce(&mut Receipt)) -> i64 {
    let mut download = download(world);
    change(&mut download.receipt);
    of(world, &download)
}

/// Returns the verdict after changing one member of a text in the log.
fn stated(text: &str, pointer: &str, is: serde_json::Value) -> i64 {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    *value.pointer_mut(pointer).unwrap() = is;
    let world = respelled(Some((text.to_owned(), value.to_string())));
    of(&world, &download(&world))
}

#[test]
fn the_last_record_states_what_is_shown() {
    let honest = download(&world());
    let text = &honest.receipt.domains[0].record;
    let record = Record::parse(text).unwrap();
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        stated(text, "/days", value["days"].clone()),
        0,
        "the control"
    );
    let other = || Hash([1; 32]).to_string().into();
    assert_eq!(stated(text, "/days", other()), 1);
    assert_eq!(stated(text, "/control/root", other()), 1);
    assert_eq!(
        stated(text, "/control/size", (record.control.size + 1).into()),
        1
    );
    assert_eq!(
        stated(text, "/control/size", (record.control.size - 1).into()),
        1
    );
    assert_eq!(stated(text, "/index", (record.index + 1).into()), 1);
    assert_eq!(stated(text, "/index", (record.index - 1).into()), 1);
}

/// An older state of the log under its newest checkpoint would hide the later entries.
#[test]
fn an_older_record_is_not_the_last_though_the_log_has_it() {
    let mut world = world();
    let older = download(&world);
    assert_eq!(of(&world, &older), 0, "the control");
    world.seal(1, world.today, &[(9, 5)]);
    let newest = download(&world);
    let mut hiding = older.clone();
    let index = Record::parse(&older.receipt.domains[0].record)
        .unwrap()
        .index;
    let domain = &mut hiding.receipt.domains[0];
    domain.checkpoint = newest.receipt.domains[0].checkpoint.clone();
    domain.inclusion = world.path_of(1, index);
    domain.deletions = newest.receipt.domains[0].deletions.clone();
    assert_eq!(of(&world, &hiding), 1);
}

#[test]
fn a_checkpoint_is_that_of_its_log_and_epoch() {
    let world = world();
    let note = &download(&world).receipt.domains[0].checkpoint;
    let honest = Checkpoint::parse(note).unwrap();
    for (origin, expected) in [
        (honest.origin.clone(), 0),
        (format!("{}/e0c4", honest.origin), 1),
        (honest.origin.replace(SPACE, "5bace2"), 1),
        (honest.origin.replace("atrail-test", "another"), 1),
    ] {
        let other = Checkpoint {
            origin: origin.clone(),
            ..honest.clone()
        };
        let note = other.sign(&world.key).unwrap();
        assert_eq!(
            changed(&world, |r| r.domains[0].checkpoint = note),
            expected,
            "{origin}"
        );
    }
}

#[test]
fn a_deletion_states_its_place_and_what_it_took() {
    let honest = download(&world());
    let entry = &honest.receipt.domains[0].lists[0].entries[1];
    assert_eq!(stated(entry, "/position", 1.into()), 0, "the control");
    assert_eq!(stated(entry, "/position", 0.into()), 1);
    assert_eq!(stated(entry, "/position", 2.into()), 1);
    let value: serde_json::Value = serde_json::from_str(entry).unwrap();
    for member in ["events", "bytes"] {
        let number = value[member].as_u64().unwrap();
        for other in [0, number - 1, number + 1] {
            assert_eq!(
                stated(entry, &format!("/{member}"), other.into()),
                1,
                "{member} {other}"
            );
        }
    }
    // An empty control list has a root, and no policy or hold was in force under it.
    let record = &honest.receipt.domains[0].deletions[0].record;
    let mut none: serde_json::Value = serde_json::from_str(record).unwrap();
    let empty: Root = TreeHasher::default().root();
    none["control"] = serde_json::json!({"size": 0, "root": Hash::from(empty).to_string()});
    let world = respelled(Some((record.clone(), none.to_string())));
    assert_eq!(of(&world, &download(&world)), 1);
}

/// An endorsement's text names the log and the key; a note with another text endorses nothing.
#[test]
fn an_endorsement_is_of_this_key_in_this_log() {
    let second = SigningKey::generate("atrail-test").unwrap();
    let vkey = second.verifier_key().to_string();
    let origin = format!("atrail-test/space-{SPACE}");
    let rotated = |text: Option<String>| {
        let mut world = world();
        world.rotate_to(second.clone());
        let position = 2;
        if let Some(text) = text {
            let mut entry: serde_json::Value =
                serde_json::from_str(world.control_entry(1, position)).unwrap();
            entry["endorsement"] = key().sign(text).unwrap().into();
            world.rewrite(1, None, position, &entry.to_string());
        }
        // The last record then states the list as it is.
        world.policy(1, 8);
        of(&world, &download(&world))
    };
    assert_eq!(rotated(None), 0);
    assert_eq!(
        rotated(Some(endorsement_text(&origin, &vkey))),
        0,
        "the control"
    );
    assert_eq!(rotated(Some(format!("{vkey}\n"))), 1);
    assert_eq!(rotated(Some("anything\n".to_owned())), 1);
    let of_another = endorsement_text("atrail-test/space-5bace2", &vkey);
    assert_eq!(rotated(Some(of_another)), 1, "of another log");
    let third = SigningKey::generate("atrail-test").unwrap();
    let of_another = endorsement_text(&origin, &third.verifier_key().to_string());
    assert_eq!(rotated(Some(of_another)), 1, "of another key");
}

/// A manifest in another order is wrong, even if the file follows it.
#[test]
fn the_manifest_has_one_order_whatever_the_file_has() {
    let mut world = World::new(key());
    let (one, two) = (world.add_space(SPACE), world.add_space("5bace2"));
    let (today, yesterday) = (world.today, world.today.minus(1));
    world.seal(one, yesterday, &[(3, 2)]);
    world.seal(one, today, &[(1, 1), (2, 2)]);
    world.seal(two, today, &[(1, 4)]);
    let honest = world.session(None, (yesterday, today), ALL_DAY, &[]);
    let in_order = |order: [usize; 4]| {
        let mut download = honest.clone();
        let mut manifest: Manifest = serde_json::from_str(&download.receipt.manifest).unwrap();
        manifest.objects = order.map(|at| manifest.objects[at].clone()).into();
        download.receipt.manifest = serde_json::to_string(&manifest).unwrap();
        let texts = order.map(|at| honest.segments[at].clone());
        download.file = texts.concat().into_bytes();
        of(&world, &download)
    };
    assert_eq!(in_order([0, 1, 2, 3]), 0, "the control");
    assert_eq!(in_order([0, 2, 1, 3]), 1, "hours");
    assert_eq!(in_order([1, 0, 2, 3]), 1, "days");
    assert_eq!(in_order([0, 1, 3, 2]), 1, "domains");
}

/// Domains without events also have their order, and a space's log is the one that was added last.
#[test]
fn the_domains_are_those_that_were_added() {
    let mut world = World::new(key());
    world.add_space(SPACE);
    world.add_space("5bace2");
    let days = (world.today, world.today);
    let whole = |world: &World, change: fn(&mut Receipt)| {
        let mut download = world.session(None, days, ALL_DAY, &[]);
        change(&mut download.receipt);
        of(world, &download)
    };
    assert_eq!(whole(&world, |_| ()), 0, "the control");
    assert_eq!(
        whole(&world, |r| r.domains.swap(1, 2)),
        1,
        "in another order"
    );
    assert_eq!(whole(&world, |r| drop(r.domains.pop())), 1, "one too few");
    assert_eq!(
        whole(&world, |r| r.domains.push(r.domains[1].clone())),
        1,
        "one twice"
    );
    // The space was added before, with another log.
    let added = world.control_entry(0, 1).to_owned();
    let of_another = {
        let mut value: serde_json::Value = serde_json::from_str(&added).unwrap();
        value["genesis"] = Hash([5; 32]).to_string().into();
        value.to_string()
    };
    for (position, expected) in [(1, 0), (3, 1)] {
        let mut again = world.clone();
        again.add_again(1, SPACE);
        again.rewrite(0, None, position, &of_another);
        again.policy(0, 3);
        assert_eq!(whole(&again, |_| ()), expected, "{position}");
    }
}

/// The signer's own line must be right, even when another key of the chain is pinned.
#[test]
fn a_bad_signature_of_the_key_that_signs_now_is_wrong() {
    let mut world = world();
    world.rotate();
    let download = download(&world);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let judged = |receipt: &str| code(&both(receipt, &pinned(&key()), &download.file));
    assert_eq!(judged(&receipt), 0);
    let at = receipt.len() - 20;
    let mut bad = receipt.clone().into_bytes();
    bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
    assert_eq!(judged(&String::from_utf8(bad).unwrap()), 1);
}

/// A fault in one domain hides no other fault, and causes no false one.
#[test]
fn a_domain_that_does_not_hold_is_told_once() {
    let mut world = World::new(key());
    for guid in [SPACE, "5bace2"] {
        let space = world.add_space(guid);
        world.seal(space, world.today, &[(1, 2)]);
    }
    let days = (world.today, world.today);
    let mut download = world.session(None, days, ALL_DAY, &[]);
    download.receipt.domains[1].inclusion[0].0[0] ^= 1;
    let receipt = download.receipt.sign(&world.key).unwrap();
    let report = check(&world.key, &receipt, &download.file).unwrap();
    assert_eq!(report.outcome, Outcome::Failed);
    let told: Vec<_> = report
        .findings
        .iter()
        .map(|one| (one.kind, one.detail.contains(SPACE)))
        .collect();
    assert_eq!(told, [(FindingKind::LogInvalid, true)]);
}
