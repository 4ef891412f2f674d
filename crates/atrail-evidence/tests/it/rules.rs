//! The rules of `docs/EVIDENCE.md` that no honest server breaks, one by one, with the exit code of each.

use std::io::Write;

use atrail_evidence::{
    Checkpoint, DeletionKind, Expectations, Hash, Receipt, Root, SigningKey, leaf_hash,
};
use flate2::{Compression, GzBuilder};

use crate::python::{both, code};
use crate::world::{ALL_DAY, Download, World, gzip};
use crate::{key, pinned};

const SPACE: &str = "5bace1";

/// Makes a space with a policy and some events, and records one text in place of another.
fn world(respelled: Option<(String, String)>) -> World {
    let mut world = World::respelling(key(), respelled);
    let space = world.add_space(SPACE);
    let (today, yesterday) = (world.today, world.today.minus(1));
    world.policy(space, 7);
    world.seal(space, yesterday, &[(3, 2)]);
    world.delete(space, yesterday, ALL_DAY, DeletionKind::Request, false);
    world.seal(space, yesterday, &[(3, 1)]);
    world.seal(space, today, &[(1, 1), (2, 2)]);
    world
}

fn download(world: &World) -> Download {
    let days = (world.today.minus(1), world.today);
    world.session(Some(1), days, ALL_DAY, &[])
}

/// Returns the verdict of both verifiers on a receipt and its file, with the first key pinned.
fn concluded(receipt: &str, file: &[u8]) -> i64 {
    code(&both(receipt, &pinned(&key()), file))
}

/// Returns the verdict of both verifiers on a receipt that is changed and then signed.
fn signed(change: impl FnOnce(&mut Receipt)) -> i64 {
    let world = world(None);
    let mut download = download(&world);
    change(&mut download.receipt);
    let receipt = download.receipt.sign(&world.key).unwrap();
    concluded(&receipt, &download.file)
}

/// Returns the verdict of both verifiers after the first entry that holds `of` was recorded with `was` written as `is`.
fn recorded(of: &str, was: &str, is: &str) -> i64 {
    let honest = download(&world(None));
    let domain = &honest.receipt.domains[0];
    let entries = domain.lists.iter().flat_map(|list| &list.entries);
    let mut entries = entries.chain(&domain.control);
    let entry = entries.find(|entry| entry.contains(of)).unwrap();
    assert!(entry.contains(was), "{entry}");
    let world = world(Some((entry.clone(), entry.replacen(was, is, 1))));
    let download = download(&world);
    let receipt = download.receipt.sign(&world.key).unwrap();
    concluded(&receipt, &download.file)
}

/// Returns a signature line of the text; when it is bad, one bit of the signature is flipped.
fn line(key: &SigningKey, text: &str, is_bad: bool) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let note = key.sign(text).unwrap();
    let (start, encoded) = note.trim_end().rsplit_once(' ').unwrap();
    let mut bytes = STANDARD.decode(encoded).unwrap();
    bytes[20] ^= u8::from(is_bad);
    let name = start.rsplit_once('\n').unwrap().1;
    format!("{name} {}\n", STANDARD.encode(bytes))
}

#[test]
fn every_line_of_a_known_key_must_be_right_and_others_are_passed_over() {
    let ours = key();
    let theirs = SigningKey::generate("witness").unwrap();
    let namesake = SigningKey::generate(ours.name()).unwrap();
    let download = download(&world(None));
    let text = serde_json::to_string(&download.receipt).unwrap() + "\n";
    let of = |lines: &[String]| concluded(&format!("{text}\n{}", lines.concat()), &download.file);
    let (right, wrong) = (line(&ours, &text, false), line(&ours, &text, true));
    let other = line(&theirs, &text, true);
    assert_eq!(of(std::slice::from_ref(&right)), 0);
    assert_eq!(of(&[right.clone(), right.clone()]), 0, "twice");
    assert_eq!(of(&[right.clone(), wrong.clone()]), 1, "a bad one behind");
    assert_eq!(of(&[wrong.clone(), right.clone()]), 1, "a bad one before");
    assert_eq!(of(&[wrong]), 1);
    assert_eq!(of(&[other.clone(), right.clone()]), 0, "of a witness");
    assert_eq!(
        of(&[line(&namesake, &text, true), right.clone()]),
        0,
        "of another key of that name"
    );
    assert_eq!(of(std::slice::from_ref(&other)), 1, "of a witness alone");
    assert_eq!(of(&[]), 1);
    let many = |count: usize| [vec![other.clone(); count - 1], vec![right.clone()]].concat();
    assert_eq!((of(&many(100)), of(&many(101))), (0, 1), "number of lines");
    let named = |name: &str| other.replacen("witness", name, 1);
    let long = |bytes: usize| "n".repeat(bytes);
    for (name, expected) in [
        (long(255), 0),
        (long(256), 1),
        ("é/1".to_owned(), 0),
        ("a+b".to_owned(), 1),
        ("a\u{a0}b".to_owned(), 1),
        ("a\u{2028}b".to_owned(), 1),
        ("a\u{7f}b".to_owned(), 1),
        (String::new(), 1),
    ] {
        assert_eq!(of(&[named(&name), right.clone()]), expected, "{name:?}");
    }
    for bad in [
        right.replace("— ", "- "),
        right.replace('\n', "=\n"),
        right.replace('\n', " \n"),
        "— witness AAAAAA==\n".to_owned(),
        "\n".to_owned(),
        "— witness\n".to_owned(),
    ] {
        assert_eq!(of(&[right.clone(), bad.clone()]), 1, "{bad:?}");
    }
}

/// A pinned key remains known when another one has replaced it.
#[test]
fn a_line_of_a_pinned_key_must_be_right_whoever_signs_now() {
    let mut world = world(None);
    world.rotate();
    let download = download(&world);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let text = serde_json::to_string(&download.receipt).unwrap() + "\n";
    for (is_bad, expected) in [(false, 0), (true, 1)] {
        let receipt = format!("{receipt}{}", line(&key(), &text, is_bad));
        assert_eq!(concluded(&receipt, &download.file), expected);
    }
}

#[test]
fn a_checkpoint_may_have_more_lines_and_more_signatures() {
    let world = world(None);
    let honest = download(&world);
    let note = &honest.receipt.domains[0].checkpoint;
    let text = Checkpoint::parse(note).unwrap().text();
    let of = |note: String| signed(|receipt| receipt.domains[0].checkpoint = note);
    let witness = SigningKey::generate("witness").unwrap();
    assert_eq!(of(format!("{note}{}", line(&witness, &text, true))), 0);
    assert_eq!(of(format!("{note}{}", line(&key(), &text, true))), 1);
    assert_eq!(of(key().sign(format!("{text}more\n")).unwrap()), 0);
    assert_eq!(of(key().sign(format!("{text}\nmore\n")).unwrap()), 0);
    for (was, is) in [("\n", "\n0"), ("\n", "\n+"), ("/", "//"), ("=\n", "\n")] {
        assert_eq!(
            of(key().sign(text.replacen(was, is, 1)).unwrap()),
            1,
            "{is:?}"
        );
    }
    assert_eq!(of(witness.sign(text).unwrap()), 1);
}

/// Signatures of known keys are judged first, because anybody could write another type.
#[test]
fn signatures_are_judged_before_types_and_forms_before_types() {
    let world = world(None);
    let download = download(&world);
    let (receipt, file) = (download.receipt.sign(&world.key).unwrap(), &download.file);
    let later = |receipt: &str| receipt.replacen("\"version\":1", "\"version\":2", 1);
    assert_eq!(signed(|receipt| receipt.version = 2), 3);
    assert_eq!(
        signed(|receipt| receipt.kind = "atrail-range".to_owned()),
        3
    );
    assert_eq!(
        concluded(&later(&receipt), file),
        1,
        "signed as another version"
    );
    let unpinned = Expectations::default();
    assert_eq!(code(&both(&later(&receipt), &unpinned, file)), 3);
    // It is unknown whether the pinned key leads to this one.
    let other = SigningKey::generate("atrail-test").unwrap();
    let mut of_other = download.receipt.clone();
    of_other.version = 2;
    assert_eq!(concluded(&of_other.sign(&other).unwrap(), file), 3);
    // Its form is judged nevertheless.
    let text = serde_json::to_string(&of_other).unwrap();
    for (was, is) in [
        ("\"version\":2", "\"version\":-2"),
        ("{\"type\"", "{\"x\":1.0,\"type\""),
    ] {
        let receipt = world.key.sign(text.replacen(was, is, 1) + "\n").unwrap();
        assert_eq!(concluded(&receipt, file), 1, "{is}");
    }
}

/// An entry that a later version may have introduced does not stop the check of independent parts.
#[test]
fn beside_an_entry_of_an_unknown_type_the_rest_is_judged() {
    type Change = fn(&mut Receipt);
    let nothing: Change = |_| ();
    let manifest: Change = |receipt| receipt.manifest.push('x');
    let days: Change = |receipt| receipt.domains[0].days[0].0[0] ^= 1;
    let inclusion: Change = |receipt| receipt.domains[0].inclusion[0].0[0] ^= 1;
    let created: Change = |receipt| receipt.created.clear();
    let judged = |is_control: bool, change: Change| {
        let mut world = world(None);
        let list = (!is_control).then_some(world.today);
        world.later(1, list);
        let mut download = download(&world);
        change(&mut download.receipt);
        let receipt = download.receipt.sign(&world.key).unwrap();
        concluded(&receipt, &download.file)
    };
    // The control list names the signers: without it the log is not judged, but every form is.
    for (change, of_control, of_day) in [
        (nothing, 3, 3),
        (manifest, 1, 1),
        (created, 1, 1),
        (days, 3, 1),
        (inclusion, 3, 1),
    ] {
        assert_eq!(judged(true, change), of_control);
        assert_eq!(judged(false, change), of_day);
    }
    let snapshot = r#""type":"snapshot""#;
    assert_eq!(recorded(r#""policy""#, r#""type":"policy""#, snapshot), 3);
    assert_eq!(
        recorded(r#""genesis""#, r#""type":"genesis""#, snapshot),
        1,
        "the first is none"
    );
    assert_eq!(recorded(r#""seal""#, r#""type":"seal""#, snapshot), 3);
    assert_eq!(recorded(r#""seal""#, r#""type":"seal""#, r#""type":7"#), 1);
    assert_eq!(recorded(r#""seal""#, r#""type":"seal","#, ""), 1);
}

#[test]
fn a_known_entry_in_the_wrong_list_is_wrong() {
    let policy =
        r#"{"type":"policy","time":"2026-11-20T00:00:00Z","actor":"a","retention_days":3}"#;
    let added = format!(
        r#"{{"type":"space-added","time":"2026-11-20T00:00:00Z","actor":"a","space":"s","genesis":"{}"}}"#,
        Hash([0; 32])
    );
    let release = r#"{"type":"release","time":"2026-11-20T00:00:00Z","actor":"","level":"space","reason":""}"#;
    let honest = download(&world(None));
    let domain = &honest.receipt.domains[0];
    let (seal, own) = (&domain.lists[1].entries[0], &domain.control[1]);
    let genesis = &domain.control[0];
    for (was, is, expected) in [
        (seal, policy, 1),
        (seal, genesis.as_str(), 1),
        (own, seal.as_str(), 1),
        (own, genesis.as_str(), 1),
        (own, added.as_str(), 1),
        (own, policy, 0),
        (genesis, policy, 1),
        (own, release, 0),
    ] {
        let world = world(Some((was.clone(), is.to_owned())));
        let download = download(&world);
        let receipt = download.receipt.sign(&world.key).unwrap();
        assert_eq!(concluded(&receipt, &download.file), expected, "{was} {is}");
    }
}

#[test]
fn numbers_and_names_have_their_bounds() {
    for (days, expected) in [
        ("-1", 0),
        ("-2", 1),
        ("9223372036854775807", 0),
        ("9223372036854775808", 1),
    ] {
        assert_eq!(
            recorded("policy", ":7}", &format!(":{days}}}")),
            expected,
            "{days}"
        );
    }
    let nobody = (r#""actor":"admin""#, r#""actor":"""#);
    assert_eq!(
        recorded("delete", nobody.0, nobody.1),
        1,
        "who deletes has a name"
    );
    assert_eq!(
        recorded("policy", nobody.0, nobody.1),
        0,
        "nothing rests on it"
    );
    assert_eq!(recorded("seal", r#""hour":3"#, r#""hour":24"#), 1);
    assert_eq!(recorded("seal", r#""count":2"#, r#""count":0"#), 1);
    assert_eq!(recorded("delete", r#""last":23"#, r#""last":24"#), 1);
    assert_eq!(recorded("delete", r#""first":0"#, r#""first":3"#), 0);
    assert_eq!(recorded("delete", r#""first":0"#, r#""first":4"#), 1);
    // Numbers whose sum exceeds 64 bits.
    let huge = r#""count":18446744073709551615"#;
    assert_eq!(recorded(r#""hour":1"#, r#""count":1"#, huge), 1);
    assert_eq!(
        recorded(
            "delete",
            r#""events":2"#,
            r#""events":18446744073709551615"#
        ),
        1
    );
}

/// Members that nothing depends on must have their form, too.
#[test]
fn what_nothing_rests_on_is_well_formed() {
    let hash = Hash([7; 32]);
    assert_eq!(signed(|receipt| receipt.session = String::new()), 0);
    assert_eq!(
        signed(|receipt| receipt.user = "\u{1}\u{fffd}".to_owned()),
        0
    );
    assert_eq!(signed(|receipt| receipt.created = "today".to_owned()), 1);
    let unused = |receipt: &mut Receipt| {
        let subtrees = &mut receipt.domains[0].subtrees;
        subtrees.insert("unused".to_owned(), vec![hash]);
    };
    assert_eq!(signed(unused), 0);
    let spelled = |was: &str, is: &str| {
        let world = world(None);
        let mut download = download(&world);
        unused(&mut download.receipt);
        let text = serde_json::to_string(&download.receipt).unwrap();
        assert!(text.contains(was), "{was}");
        let receipt = world.key.sign(text.replacen(was, is, 1) + "\n").unwrap();
        concluded(&receipt, &download.file)
    };
    let unused = format!(r#""unused":["{hash}"]"#);
    assert_eq!(spelled(&unused, r#""unused":[]"#), 0);
    for is in [
        r#""unused":["AAAA"]"#,
        r#""unused":"AAAA""#,
        r#""unused":[null]"#,
        r#""unused":null"#,
    ] {
        assert_eq!(spelled(&unused, is), 1, "{is}");
    }
    for (is, expected) in [
        (r#""consistency":[{"size":0,"proof":[]}]"#, 0),
        (r#""consistency":[{"size":-1,"proof":[]}]"#, 1),
        (r#""consistency":[{"size":0}]"#, 1),
    ] {
        assert_eq!(spelled(r#""consistency":[]"#, is), expected, "{is}");
    }
    for (was, is, expected) in [
        (r#"\"offset\":0"#, r#"\"offset\":1"#, 0),
        (r#"\"offset\":0"#, r#"\"offset\":-1"#, 1),
        (r#"\"object\":\""#, r#"\"object\":\"x"#, 0),
        (r#"\"sha256\":\""#, r#"\"sha256\":\"x"#, 0),
        (r#""scope":{"#, r#""scope":{"account":null,"#, 1),
    ] {
        assert_eq!(spelled(was, is), expected, "{is}");
    }
}

/// No two expected segments share an id; an id may be sealed again after its events were deleted.
#[test]
fn an_id_is_sealed_again_only_after_its_deletion() {
    let honest = download(&world(None));
    let id = |list: usize, entry: usize, at: usize| {
        let text = &honest.receipt.domains[0].lists[list].entries[entry];
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["segments"][at]["id"].as_str().unwrap().to_owned()
    };
    let entry =
        |list: usize, entry: usize| honest.receipt.domains[0].lists[list].entries[entry].clone();
    let sealed = |was: String, from: &str, to: &str| {
        let world = world(Some((was.clone(), was.replacen(from, to, 1))));
        let mut download = download(&world);
        download.receipt.manifest = download.receipt.manifest.replace(from, to);
        let receipt = download.receipt.sign(&world.key).unwrap();
        concluded(&receipt, &download.file)
    };
    assert_eq!(
        sealed(entry(1, 0), &id(1, 0, 1), &id(1, 0, 0)),
        1,
        "twice in an entry"
    );
    assert_eq!(
        sealed(entry(1, 0), &id(1, 0, 1), &id(0, 2, 0)),
        1,
        "twice on two days"
    );
    assert_eq!(
        sealed(entry(0, 2), &id(0, 2, 0), &id(0, 0, 0)),
        0,
        "again after its deletion"
    );
    // Nothing is expected of hours outside the request.
    let world = world(Some((
        entry(1, 0),
        entry(1, 0).replacen(&id(1, 0, 1), &id(1, 0, 0), 1),
    )));
    let hours = atrail_evidence::HourRange { first: 1, last: 1 };
    let download = world.session(Some(1), (world.today, world.today), hours, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    assert_eq!(concluded(&receipt, &download.file), 0);
}

/// Statements that no honest log makes, even when the right key has signed them.
#[test]
fn a_log_that_contradicts_itself_is_wrong() {
    assert_eq!(recorded("seal", r#""size":"#, r#""size":1"#), 1);
    let other = Hash([3; 32]);
    let mut world = World::new(key());
    world.add_space(SPACE);
    let days = (world.today, world.today);
    let account = |world: &World, change: fn(&mut Receipt)| {
        let mut download = world.session(None, days, ALL_DAY, &[]);
        change(&mut download.receipt);
        concluded(&download.receipt.sign(&world.key).unwrap(), &download.file)
    };
    assert_eq!(account(&world, |_| ()), 0);
    // A space whose log is not the one that was added.
    let honest = world.session(None, days, ALL_DAY, &[]);
    let added = &honest.receipt.domains[0].control[1];
    let genesis = leaf_hash(honest.receipt.domains[1].control[0].as_bytes());
    let changed = added.replace(&Hash::from(genesis).to_string(), &other.to_string());
    assert_ne!(*added, changed);
    let mut swapped = World::respelling(key(), Some((added.clone(), changed)));
    swapped.add_space(SPACE);
    assert_eq!(account(&swapped, |_| ()), 1);
    // A domain that was left out when the key changed.
    let old = world.clone();
    world.rotate();
    assert_eq!(account(&world, |_| ()), 0);
    let mut halfway = world.clone();
    halfway.logs[1] = old.logs[1].clone();
    assert_eq!(account(&halfway, |_| ()), 1);
    // A new key of another name, endorsed or not.
    let mut renamed = old.clone();
    renamed.rotate_to(SigningKey::generate("another").unwrap());
    assert_eq!(account(&renamed, |_| ()), 1);
    let mut unendorsed = old.clone();
    let honest_key = std::mem::replace(
        &mut unendorsed.key,
        SigningKey::generate("atrail-test").unwrap(),
    );
    unendorsed.rotate_to(SigningKey::generate("atrail-test").unwrap());
    assert_eq!(account(&unendorsed, |_| ()), 1);
    unendorsed.key = honest_key;
    assert_eq!(
        account(&unendorsed, |_| ()),
        1,
        "the last key of the list signs"
    );
}

/// The record of a deletion states which control list was in force; that list must have existed.
#[test]
fn the_record_of_a_deletion_is_judged() {
    let honest = download(&world(None));
    let proof = &honest.receipt.domains[0].deletions[0];
    let value: serde_json::Value = serde_json::from_str(&proof.record).unwrap();
    let of = |name: &str, is: serde_json::Value| {
        let mut changed = value.clone();
        *changed.pointer_mut(name).unwrap() = is;
        let world = world(Some((proof.record.clone(), changed.to_string())));
        let download = download(&world);
        concluded(&download.receipt.sign(&world.key).unwrap(), &download.file)
    };
    assert_eq!(
        of("/list", value["list"].clone()),
        0,
        "in another order of members"
    );
    assert_eq!(of("/list", "2026-11-20".into()), 1);
    assert_eq!(of("/list", "control".into()), 1);
    assert_eq!(of("/position", 0.into()), 1);
    assert_eq!(of("/entry", Hash([1; 32]).to_string().into()), 1);
    assert_eq!(of("/index", 0.into()), 1);
    assert_eq!(of("/index", 1000.into()), 1);
    assert_eq!(of("/control/size", 0.into()), 1);
    assert_eq!(of("/control/size", 1.into()), 1);
    assert_eq!(of("/control/size", 1000.into()), 1);
    assert_eq!(of("/control/root", Hash([1; 32]).to_string().into()), 1);
    // Its statement about the days belongs to the past, and nothing compares it.
    assert_eq!(of("/days", Hash([1; 32]).to_string().into()), 0);
}

/// Of several consistency proofs from one size, the first counts.
#[test]
fn the_first_consistency_proof_of_a_size_counts() {
    let mut world = world(None);
    let earlier = download(&world).receipt.sign(&world.key).unwrap();
    let sizes = world.sizes();
    world.seal(1, world.today, &[(5, 1)]);
    let days = (world.today.minus(1), world.today);
    let download = world.session(Some(1), days, ALL_DAY, &[sizes]);
    let judged = |is_first_right: bool| {
        let mut receipt = download.receipt.clone();
        let proofs = &mut receipt.domains[0].consistency;
        proofs.push(proofs[0].clone());
        proofs[usize::from(is_first_right)].proof[0].0[0] ^= 1;
        let receipt = receipt.sign(&world.key).unwrap();
        let mut expected = pinned(&world.key);
        expected.since = Some(earlier.clone());
        code(&both(&receipt, &expected, &download.file))
    };
    assert_eq!((judged(true), judged(false)), (0, 1));
}

/// An invalid earlier receipt is wrong, whatever the new one is.
#[test]
fn an_earlier_receipt_is_judged_as_any() {
    let world = world(None);
    let download = download(&world);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let of = |earlier: String| {
        let mut expected = pinned(&world.key);
        expected.since = Some(earlier);
        code(&both(&receipt, &expected, &download.file))
    };
    assert_eq!(of(receipt.clone()), 0);
    assert_eq!(of(String::new()), 1);
    assert_eq!(of("\u{feff}".to_owned() + &receipt), 1);
    assert_eq!(of(receipt.replacen("\"version\":1", "\"version\":2", 1)), 1);
    assert_eq!(of(receipt.replacen("admin", "nimda", 1)), 1);
    assert_eq!(of(world.key.sign("{}\n").unwrap()), 1);
    let later = r#"{"type":"atrail-receipt","version":2}"#.to_owned() + "\n";
    assert_eq!(of(world.key.sign(later).unwrap()), 3);
    // An unreadable input hides no fault.
    let mut expected = pinned(&world.key);
    expected.unread = vec!["the earlier receipt could not be read".to_owned()];
    let judged = |file: &[u8]| code(&both(&receipt, &expected, file));
    assert_eq!((judged(&download.file), judged(b"{}\n")), (3, 1));
}

/// An empty list proves nothing.
#[test]
fn no_acknowledgement_is_not_enough() {
    let world = world(None);
    let download = download(&world);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let of = |contains: Vec<atrail_evidence::LeafHash>| {
        let mut expected = pinned(&world.key);
        expected.contains = Some(contains);
        code(&atrail_evidence::verify(
            &receipt,
            &expected,
            download.file.as_slice(),
        ))
    };
    let event = leaf_hash(download.text.lines().next().unwrap().as_bytes());
    assert_eq!((of(vec![]), of(vec![event, event])), (3, 0));
    assert_eq!(of(vec![event, leaf_hash(b"another")]), 1);
}

#[test]
fn a_key_that_signs_anything_is_no_key() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use sha2::{Digest, Sha256};
    let vkey = |point: [u8; 32]| {
        let data = [&[1][..], &point].concat();
        let id = Sha256::digest([&b"atrail-test\n"[..], &data].concat());
        let id = atrail_evidence::hex(&id[..4]);
        format!("atrail-test+{id}+{}", STANDARD.encode(data))
    };
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut order_two = [0xff; 32];
    (order_two[0], order_two[31]) = (0xec, 0x7f);
    let mut none = [0; 32];
    none[0] = 2;
    // The y of a point, written directly and with the prime added: 2²⁵⁵ − 16 for 3.
    let mut three = [0; 32];
    three[0] = 3;
    let mut above = [0xff; 32];
    (above[0], above[31]) = (0xf0, 0x7f);
    let world = world(None);
    let download = download(&world);
    let receipt = download.receipt.sign(&world.key).unwrap();
    for point in [three, above] {
        let mut expected = pinned(&key());
        expected.keys.push(vkey(point).parse().unwrap());
        assert_eq!(code(&both(&receipt, &expected, &download.file)), 0);
    }
    let honest = key().verifier_key().to_string();
    assert_eq!(recorded("genesis", &honest, &honest), 0);
    for point in [identity, [0; 32], order_two, none] {
        let text = vkey(point);
        assert!(
            text.parse::<atrail_evidence::VerifierKey>().is_err(),
            "{text}"
        );
        assert_eq!(recorded("genesis", &honest, &text), 1, "{text}");
    }
}

/// An epoch continues a signed checkpoint, or nothing.
#[test]
fn an_epoch_continues_a_checkpoint() {
    let root = Root([5; 32]);
    let origin = format!("atrail-test/space-{SPACE}");
    let note = Checkpoint {
        origin,
        size: 3,
        root,
    }
    .sign(&key())
    .unwrap();
    let escaped = |text: &str| serde_json::to_string(text).unwrap();
    let of = |text: &str| {
        recorded(
            "genesis",
            r#""continues":"""#,
            &format!(r#""continues":{}"#, escaped(text)),
        )
    };
    assert_eq!(of(""), 0);
    assert_eq!(of(&note), 0);
    assert_eq!(of(&note.replace("\n3\n", "\n4\n")), 0, "whoever signed it");
    assert_eq!(of(&key().sign("text\n").unwrap()), 1);
    for cut in [1, 3, note.len() - 40] {
        assert_eq!(of(&note[..cut]), 1, "{cut}");
    }
    assert_eq!(of(&note[..note.len() - 1]), 1);
}

/// The compressed bytes must be gzip as RFC 1952 defines it.
#[test]
fn a_member_is_gzip() {
    let world = world(None);
    let download = download(&world);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let of = |file: &[u8]| concluded(&receipt, file);
    let member = |builder: GzBuilder| {
        let mut encoder = builder.write(Vec::new(), Compression::new(6));
        encoder.write_all(download.text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let text = |bytes: usize| vec![b'n'; bytes];
    assert_eq!(
        of(&member(
            GzBuilder::new().filename("f").comment("c").extra([0; 70])
        )),
        0
    );
    assert_eq!(of(&member(GzBuilder::new().filename(text(65_535)))), 0);
    assert_eq!(of(&member(GzBuilder::new().filename(text(65_536)))), 1);
    let both = GzBuilder::new()
        .filename(text(65_535))
        .comment(text(65_535));
    assert_eq!(of(&member(both.extra(vec![1; 65_535]))), 0);
    let comment = GzBuilder::new()
        .extra(vec![1; 65_535])
        .comment(text(65_536));
    assert_eq!(of(&member(comment)), 1);
    let plain = gzip(&download.text);
    for (at, expected) in [(2, 1), (3, 1), (4, 0), (9, 0)] {
        let mut changed = plain.clone();
        changed[at] ^= 0x80;
        assert_eq!(of(&changed), expected, "byte {at}");
    }
    for length in 0..plain.len().min(40) {
        assert_eq!(of(&plain[..length]), 1, "{length} bytes");
        assert_eq!(
            of(&[&plain[..], &plain[..length.max(1)]].concat()),
            1,
            "and {length} more"
        );
    }
    // The bits of a header checksum, which our code never writes.
    let mut checked = plain.clone();
    checked[3] |= 2;
    let mut crc = flate2::Crc::new();
    crc.update(&checked[..10]);
    let crc = u16::try_from(crc.sum() & 0xffff).unwrap().to_le_bytes();
    checked.splice(10..10, crc);
    assert_eq!(of(&checked), 0);
    checked[10] ^= 1;
    assert_eq!(of(&checked), 1);
}

/// A range without events proves that nothing was recorded, and an empty file is its file.
#[test]
fn nothing_is_proven_too() {
    let mut world = world(None);
    let nothing = (world.today.minus(400), world.today.minus(300));
    let download = world.session(Some(1), nothing, ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    let report = both(&receipt, &pinned(&key()), &download.file).unwrap();
    assert_eq!(
        (report.events, report.outcome),
        (0, atrail_evidence::Outcome::Proven)
    );
    assert_eq!(concluded(&receipt, b""), 0);
    for file in [&b"\n"[..], b"{}\n", &gzip("{}\n"), b"\x1f", b"\x1f\x8b"] {
        assert_eq!(concluded(&receipt, file), 1, "{file:?}");
    }
    // The root of all days shows that it was empty: a list that is left out is detected.
    world.seal(1, nothing.0, &[(1, 1)]);
    let download = world.session(Some(1), nothing, ALL_DAY, &[]);
    let mut hidden = download.receipt.clone();
    hidden.domains[0].lists.clear();
    hidden.manifest = r#"{"objects":[]}"#.to_owned();
    assert_eq!(concluded(&hidden.sign(&world.key).unwrap(), b""), 1);
}
