//! Every spelling of JSON at every place of the evidence, signed by the right key: the two verifiers reach the same
//! verdict.
//!
//! Entries and records are respelled before they are hashed, so that all hashes are right and only the spelling is
//! judged.

mod vary;

use std::collections::BTreeMap;

use atrail_evidence::{DeletionKind, HoldLevel, SigningKey};

use crate::python::{Script, both, code};
use crate::world::{ALL_DAY, Download, World};
use crate::{key, number, pinned};
use vary::{Variant, variants};

/// Returns a second key that is the same each time.
fn next_key() -> SigningKey {
    SigningKey::parse(
        "PRIVATE+KEY+atrail-test+5052235d+AQgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
    )
    .unwrap()
}

/// Makes a history with an entry of each type.
fn story(respelled: Option<(String, String)>) -> (World, Download) {
    let mut world = World::respelling(key(), respelled);
    let one = world.add_space("5bace1");
    let two = world.add_space("5bace2");
    let (today, yesterday) = (world.today, world.today.minus(1));
    world.seal(one, yesterday, &[(3, 2), (4, 1)]);
    world.delete(one, yesterday, ALL_DAY, DeletionKind::Request, false);
    world.hold(one, HoldLevel::Space, true);
    world.hold(one, HoldLevel::Space, false);
    world.seal(one, today, &[(2, 1026)]);
    world.policy(two, 0);
    world.seal(two, yesterday, &[(3, 2)]);
    world.delete(two, yesterday, ALL_DAY, DeletionKind::Retention, false);
    world.seal(two, today, &[(2, 3)]);
    world.remove_space("5bace2");
    world.rotate_to(next_key());
    world.seal(one, yesterday, &[(7, 2)]);
    let since = vec![vec![1, 1, 1]];
    let download = world.session(None, (yesterday, today), ALL_DAY, &since);
    (world, download)
}

/// Returns the hashed texts of a receipt: its entries and records, one of each kind.
fn texts(download: &Download) -> Vec<String> {
    let mut of_type = BTreeMap::new();
    let mut add = |text: &String| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let kind = value["type"].as_str().unwrap_or("record").to_owned();
        of_type.entry(kind).or_insert_with(|| text.clone());
    };
    // The last domain comes first: a record from it that states an account's spaces serves as well as any other.
    for domain in download.receipt.domains.iter().rev() {
        domain
            .lists
            .iter()
            .flat_map(|list| &list.entries)
            .for_each(&mut add);
        domain.control.iter().for_each(&mut add);
        add(&domain.record);
    }
    let account = &download.receipt.domains[0].control;
    account.iter().for_each(&mut add);
    of_type.into_values().collect()
}

/// A variant, and a receipt with it.
struct Case {
    what: String,
    receipt: String,
    file: Vec<u8>,
    world: World,
}

/// Passes on a case for every variant of every text.
fn cases(mut each: impl FnMut(Case)) {
    let (world, download) = story(None);
    let body = serde_json::to_string(&download.receipt).unwrap();
    let mut sign = |what: String, body: String| {
        // Nobody can sign a text that a note cannot hold.
        let Ok(receipt) = world.key.sign(body + "\n") else {
            return;
        };
        let (file, world) = (download.file.clone(), world.clone());
        each(Case {
            what,
            receipt,
            file,
            world,
        });
    };
    for Variant { what, text } in variants(&body) {
        sign(format!("receipt: {what}"), text);
    }
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    for Variant { what, text } in variants(&download.receipt.manifest) {
        let body = body.replacen(&quoted(&download.receipt.manifest), &quoted(&text), 1);
        sign(format!("manifest: {what}"), body);
    }
    for was in texts(&download) {
        for Variant { what, text } in variants(&was) {
            let (world, download) = story(Some((was.clone(), text)));
            let Ok(receipt) = download.receipt.sign(&world.key) else {
                continue;
            };
            let what = format!("{}…: {what}", was.chars().take(24).collect::<String>());
            let file = download.file;
            each(Case {
                what,
                receipt,
                file,
                world,
            });
        }
    }
}

/// The long form tries all of them; the short form tries one in several, different ones at each place.
#[test]
fn both_verifiers_conclude_the_same_of_every_spelling() {
    let stride = number("ATRAIL_EVIDENCE_SPELLINGS", 41);
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    let mut seen = 0;
    cases(|case| {
        seen += 1;
        if seen % stride != 0 {
            return;
        }
        println!("{}", case.what);
        let concluded = both(&case.receipt, &pinned(&key()), &case.file);
        *counts.entry(code(&concluded)).or_default() += 1;
        // The same receipt as an earlier receipt, which other code reads.
        if seen % (stride * 5) == 0 {
            let mut expected = pinned(&key());
            expected.since = Some(case.receipt);
            let (_, download) = story(None);
            let receipt = download.receipt.sign(&case.world.key).unwrap();
            let since = both(&receipt, &expected, &download.file);
            // Both places read every part; the manifest of an earlier receipt describes another file, and nothing
            // depends on it.
            if code(&concluded) == 0 {
                assert_ne!(code(&since), 3, "{}", case.what);
            }
        }
    });
    println!(
        "{} of {seen} spellings: {counts:?} by exit code",
        seen / stride
    );
    // A control: some spellings mean the same, most are wrong, and an unknown type is neither.
    let ended = |code: i64| counts.get(&code).copied().unwrap_or_default();
    assert!(
        ended(0) > 0 && ended(1) > ended(0) && ended(3) > 0,
        "{counts:?}"
    );
}

/// A control: a verifier that parses JSON as its language does reaches other verdicts.
#[test]
fn a_lax_reader_is_found_out() {
    let Some(mut script) = Script::lax() else {
        println!("skipped: there is no python3 with the package cryptography");
        return;
    };
    let (world, download) = story(None);
    let body = serde_json::to_string(&download.receipt).unwrap();
    for (was, is) in [
        ("\"first\":0", "\"first\":-0"),
        ("\"first\":0", "\"first\":0.0"),
        ("{\"type\"", "{\"x\":1e400,\"type\""),
        ("{\"type\"", "{\"x\":\"\\ud800\",\"type\""),
        ("{\"type\"", "{\"x\":18446744073709551616,\"type\""),
        ("{\"type\"", "{\"x\":1,\"x\":2,\"type\""),
        (
            "{\"type\"",
            "{\"x\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]],\"type\"",
        ),
    ] {
        let body = body.replacen(was, is, 1);
        let receipt = world.key.sign(body + "\n").unwrap();
        let concluded = both(&receipt, &pinned(&key()), &download.file);
        let (lax, said) = script.verify(&receipt, &pinned(&key()), &download.file);
        assert_eq!((code(&concluded), lax), (1, 0), "{is}: {said}");
    }
}
