//! `atrail import cloudtrail --verify-digests --public-keys`: nothing but a signature proves anything.

use std::fs;

use serde_json::{Value, json};

use crate::cloud::{Cloud, Object};
use crate::env::{Ran, TestEnv};
use crate::import::{gzip, sum, write};
use crate::import_digests::{COUNTS, KEYS, Trail, check, digests, sha};

/// Writes a trail of four hours as a plain copy. The signature of its last digest lies beside it, so that all of it is
/// proven.
fn scene() -> (TestEnv, Trail) {
    let env = TestEnv::new();
    let trail = Trail::of(4);
    trail.copy_to(&env);
    let (last, _, signature) = trail.digests.last().unwrap();
    write(&env.path(&format!("copy/{last}.signature")), signature);
    let whole = checked(&env);
    assert_eq!(digests(&whole.stdout), [4, 0, 0, 0]);
    assert_eq!(sum(&whole.ok(), COUNTS), [8, 0, 0, 40]);
    (env, trail)
}

fn checked(env: &TestEnv) -> Ran {
    check(env, &[&KEYS[..], &["--dry-run"]].concat())
}

/// Writes an altered copy of a log file, and returns its SHA-256.
fn alter(env: &TestEnv, trail: &Trail, log: usize) -> String {
    let (key, text) = &trail.logs[log];
    let altered = text.replace("\"ann\"", "\"eve\"");
    fs::write(env.path(&format!("copy/{key}")), gzip(&altered)).unwrap();
    sha(&altered)
}

/// Writes a digest that lists these log files, and changes some of its members.
fn plant(env: &TestEnv, trail: &Trail, name: &str, logs: &[(&str, &str)], members: Value) {
    let mut digest: Value = serde_json::from_str(&trail.digests[0].1).unwrap();
    let object = format!("AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/03/01/{name}");
    digest["digestS3Object"] = object.as_str().into();
    let listed = logs.iter().map(|(key, hash)| {
        json!({"s3Bucket": "logs", "s3Object": key, "hashAlgorithm": "SHA-256", "hashValue": hash})
    });
    digest["logFiles"] = listed.collect();
    for (name, value) in members.as_object().unwrap() {
        digest[name] = value.clone();
    }
    write(
        &env.path(&format!("copy/{object}")),
        gzip(digest.to_string()),
    );
}

/// Asserts that the run fails, and names these.
#[track_caller]
fn names(ran: &Ran, all: &[&str]) {
    for words in all {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
}

const FOREIGN: &str = "1_CloudTrail-Digest_eu-west-1_aaa_us-east-1_20260301T010000Z.json.gz";

#[test]
fn a_planted_digest_proves_no_altered_file() {
    let (env, trail) = scene();
    let hash = alter(&env, &trail, 1);
    let key = trail.logs[1].0.as_str();
    // The control: without the planted digest, the signed one shows it.
    let ran = checked(&env);
    names(&ran, &[&format!("{key}: changed: ")]);
    assert_eq!(digests(&ran.stdout), [4, 0, 0, 0]);
    ran.fails(1);

    // Its chain sorts before that of the trail.
    plant(&env, &trail, FOREIGN, &[(key, &hash)], json!({}));
    let ran = checked(&env);
    names(
        &ran,
        &[
            "unsigned digest: copy/AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/03/01/1_CloudTrail-Digest_eu-west-1_aaa",
            "conflicting digests: ",
            &format!("{key}: changed: "),
        ],
    );
    assert_eq!(sum(&ran.stdout, COUNTS), [7, 1, 0, 35]);
    assert_eq!(digests(&ran.stdout), [4, 1, 0, 2]);
    ran.fails(1);

    // With a signature by a key that is not among the public ones.
    plant(
        &env,
        &trail,
        FOREIGN,
        &[(key, &hash)],
        json!({"digestPublicKeyFingerprint": "f2"}),
    );
    let beside =
        format!("copy/AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/03/01/{FOREIGN}.signature");
    write(&env.path(&beside), "00ff");
    let ran = checked(&env);
    names(
        &ran,
        &["unchecked signature: ", &format!("{key}: changed: ")],
    );
    assert_eq!(sum(&ran.stdout, COUNTS), [7, 1, 0, 35]);
    ran.fails(1);
}

#[test]
fn a_planted_digest_proves_no_added_file() {
    let (env, trail) = scene();
    let key =
        "AWSLogs/1/CloudTrail/eu-west-1/2026/03/01/1_CloudTrail_eu-west-1_20260301T0105Z_y.json.gz";
    let text = trail.logs[0].1.replace("\"ann\"", "\"eve\"");
    write(&env.path(&format!("copy/{key}")), gzip(&text));
    let hash = sha(&text);
    // By itself, and as the next of the chain, whose last one has no signature in a copy.
    let next = trail.digests[3].0.rsplit('/').next().unwrap();
    let next = next.replace("T040000Z", "T050000Z");
    let (last, last_text, signature) = &trail.digests[3];
    let follows = json!({
        "digestStartTime": "2026-03-01T04:00:00Z", "digestEndTime": "2026-03-01T05:00:00Z",
        "previousDigestS3Bucket": "logs", "previousDigestS3Object": last, "previousDigestHashAlgorithm": "SHA-256",
        "previousDigestHashValue": sha(last_text), "previousDigestSignature": signature,
    });
    for (name, members, problems) in [(FOREIGN, json!({}), 1), (next.as_str(), follows, 0)] {
        plant(&env, &trail, name, &[(key, &hash)], members);
        let ran = checked(&env);
        names(
            &ran,
            &[
                &format!("{key}: not proven: "),
                "which lists it, proves nothing",
            ],
        );
        assert_eq!(sum(&ran.stdout, COUNTS), [8, 1, 0, 40]);
        assert_eq!(digests(&ran.stdout), [4, 1, 0, problems]);
        ran.fails(1);
        let planted = format!("copy/AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/03/01/{name}");
        fs::remove_file(env.path(&planted)).unwrap();
    }
    // The control: no digest at all lists it.
    let ran = checked(&env);
    names(&ran, &[&format!("{key}: not proven: no digest lists it")]);
    ran.fails(1);
}

#[test]
fn a_chain_that_is_rewritten_without_signatures_proves_nothing() {
    let (env, trail) = scene();
    let (last, ..) = trail.digests.last().unwrap();
    fs::remove_file(env.path(&format!("copy/{last}.signature"))).unwrap();
    let hash = alter(&env, &trail, 4);
    for at in [2, 3] {
        let name = trail.digests[at].0.rsplit('/').next().unwrap();
        let (first, second) = (&trail.logs[at * 2], &trail.logs[at * 2 + 1]);
        let first_hash = if at == 2 { hash.clone() } else { sha(&first.1) };
        let logs = [
            (first.0.as_str(), first_hash.as_str()),
            (second.0.as_str(), &sha(&second.1)),
        ];
        let members = json!({
            "digestStartTime": format!("2026-03-01T{at:02}:00:00Z"),
            "digestEndTime": format!("2026-03-01T{:02}:00:00Z", at + 1),
        });
        plant(&env, &trail, name, &logs, members);
    }
    let ran = checked(&env);
    names(
        &ran,
        &[
            "unsigned digest: ",
            "names no digest before it, but ",
            &format!("{}: not proven: ", trail.logs[4].0),
            &format!("{}: not proven: ", trail.logs[7].0),
        ],
    );
    // The digest of the second hour has lost its signature with the third.
    assert_eq!(sum(&ran.stdout, COUNTS), [2, 6, 0, 10]);
    ran.fails(1);
}

#[test]
fn a_chain_that_begins_anew_is_named_although_both_ends_are_signed() {
    let env = TestEnv::new();
    let mut trail = Trail::of(2);
    trail.restart();
    trail.copy_to(&env);
    for (key, _, signature) in &trail.digests {
        write(&env.path(&format!("copy/{key}.signature")), signature);
    }
    let ran = checked(&env);
    names(&ran, &["broken chain: ", "names no digest before it, but "]);
    assert_eq!(digests(&ran.stdout), [3, 0, 0, 1]);
    assert_eq!(sum(&ran.stdout, COUNTS), [6, 0, 0, 30]);
    ran.fails(1);
}

#[test]
fn without_keys_digests_that_contradict_each_other_prove_nothing() {
    let (env, trail) = scene();
    let key = trail.logs[1].0.as_str();
    let hash = alter(&env, &trail, 1);
    plant(&env, &trail, FOREIGN, &[(key, &hash)], json!({}));
    let ran = check(&env, &["--dry-run"]);
    names(
        &ran,
        &["conflicting digests: ", &format!("{key}: not proven: ")],
    );
    assert_eq!(sum(&ran.stdout, COUNTS), [7, 1, 0, 35]);
    ran.fails(1);
    // The control: they agree.
    trail.copy_to(&env);
    plant(
        &env,
        &trail,
        FOREIGN,
        &[(key, &sha(&trail.logs[1].1))],
        json!({}),
    );
    assert_eq!(
        sum(&check(&env, &["--dry-run"]).ok(), COUNTS),
        [8, 0, 0, 40]
    );
}

#[test]
fn in_a_bucket_a_digest_without_metadata_is_named() {
    let (env, trail) = scene();
    let cloud = Cloud::start();
    for (key, text) in &trail.logs {
        cloud.put(key, gzip(text));
    }
    let put = |at: usize, is_signed: bool| {
        let (key, text, signature) = &trail.digests[at];
        let object = Object {
            bytes: gzip(text),
            signature: is_signed.then(|| signature.clone()),
        };
        cloud.put_object(key, object);
    };
    let import = || {
        let args = [
            "--format",
            "json",
            "cloudtrail",
            "s3://logs/AWSLogs/",
            "--verify-digests",
            "--dry-run",
        ];
        cloud.import(&env, &[&args, &KEYS[..]].concat())
    };
    (0..3).for_each(|at| put(at, true));
    put(3, false);
    let ran = import();
    names(
        &ran,
        &[
            "unsigned digest: s3://logs/",
            &format!("{}: not proven: ", trail.logs[7].0),
        ],
    );
    assert_eq!(digests(&ran.stdout), [3, 1, 0, 1]);
    assert_eq!(sum(&ran.stdout, COUNTS), [6, 2, 0, 30]);
    ran.fails(1);
    // The control.
    put(3, true);
    assert_eq!(sum(&import().ok(), COUNTS), [8, 0, 0, 40]);
}
