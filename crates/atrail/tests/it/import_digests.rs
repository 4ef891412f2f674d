//! `atrail import cloudtrail --verify-digests`: copies on the disk, and buckets.

use std::fs;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cloud::{Cloud, Object};
use crate::env::{Ran, Server, TestEnv};
use crate::import::{gzip, records, sum, write};

pub(crate) const COUNTS: [&str; 4] = ["files", "files_failed", "files_left", "events"];
const DIGESTS: [&str; 4] = ["signed", "unsigned", "unsound", "problems"];

/// A trail with digests, as a bucket has it.
pub(crate) struct Trail {
    key: KeyPair,
    /// Log files: key, text.
    pub(crate) logs: Vec<(String, String)>,
    /// Digests: key, text, signature in hexadecimal.
    pub(crate) digests: Vec<(String, String, String)>,
    /// Whether the next digest names none before it.
    begins_anew: bool,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn sha(text: &str) -> String {
    hex(&Sha256::digest(text))
}

impl Trail {
    /// Makes a trail of so many hours, with two log files of five events each.
    pub(crate) fn of(hours: usize) -> Self {
        let mut trail = Self {
            key: KeyPair::generate(KeySize::Rsa2048).unwrap(),
            logs: Vec::new(),
            digests: Vec::new(),
            begins_anew: false,
        };
        for hour in 0..hours {
            trail.add(hour);
        }
        trail
    }

    /// Adds the next hour, whose digest begins a chain anew.
    pub(crate) fn restart(&mut self) {
        self.begins_anew = true;
        self.add(self.digests.len());
        self.begins_anew = false;
    }

    fn add(&mut self, hour: usize) {
        for number in [0, 1] {
            let first = (hour * 2 + number) * 5;
            let key = format!(
                "AWSLogs/1/CloudTrail/eu-west-1/2026/03/01/1_CloudTrail_eu-west-1_20260301T{hour:02}{number}0Z_x.json.gz"
            );
            self.logs.push((key, records(first..first + 5)));
        }
        let logs = self.logs[self.logs.len() - 2..].iter().map(|(key, text)| {
            json!({"s3Bucket": "logs", "s3Object": key, "hashAlgorithm": "SHA-256", "hashValue": sha(text)})
        });
        let object = format!(
            "AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/03/01/1_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260301T{:02}0000Z.json.gz",
            hour + 1
        );
        let end = format!("2026-03-01T{:02}:00:00Z", hour + 1);
        let last = self.digests.last().filter(|_| !self.begins_anew);
        let digest = json!({
            "awsAccountId": "1", "digestStartTime": format!("2026-03-01T{hour:02}:00:00Z"), "digestEndTime": end,
            "digestS3Bucket": "logs", "digestS3Object": object, "digestPublicKeyFingerprint": "f1",
            "digestSignatureAlgorithm": "SHA256withRSA", "newestEventTime": null, "oldestEventTime": null,
            "previousDigestS3Bucket": last.map(|_| "logs"), "previousDigestS3Object": last.map(|last| &last.0),
            "previousDigestHashValue": last.map(|last| sha(&last.1)),
            "previousDigestHashAlgorithm": last.map(|_| "SHA-256"),
            "previousDigestSignature": last.map(|last| &last.2), "logFiles": logs.collect::<Vec<_>>(),
        });
        let previous = digest["previousDigestSignature"].as_str().unwrap_or("null");
        let text = digest.to_string();
        let signed = format!("{end}\nlogs/{object}\n{}\n{previous}", sha(&text));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let (random, message) = (SystemRandom::new(), signed.as_bytes());
        self.key
            .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .unwrap();
        self.digests.push((object, text, hex(&signature)));
    }

    /// Writes a plain copy below `copy`, and the public keys as `keys.json`.
    pub(crate) fn copy_to(&self, env: &TestEnv) {
        for (key, text) in &self.logs {
            write(&env.path(&format!("copy/{key}")), gzip(text));
        }
        for (key, text, _) in &self.digests {
            write(&env.path(&format!("copy/{key}")), gzip(text));
        }
        let value = STANDARD.encode(self.key.public_key().as_ref());
        let keys = json!({"PublicKeyList": [{"Value": value, "Fingerprint": "f1",
            "ValidityStartTime": 1_700_000_000.0, "ValidityEndTime": 1_900_000_000.0}]});
        write(&env.path("keys.json"), keys.to_string());
    }
}

pub(crate) fn check(env: &TestEnv, more: &[&str]) -> Ran {
    let args = [
        "import",
        "--format",
        "json",
        "cloudtrail",
        "copy",
        "--verify-digests",
    ];
    env.run(&[&args, more].concat())
}

pub(crate) const KEYS: [&str; 2] = ["--public-keys", "keys.json"];

#[track_caller]
pub(crate) fn digests(stdout: &str) -> [u64; 4] {
    let sum: Value = serde_json::from_str(stdout).unwrap();
    DIGESTS.map(|name| sum["digests"][name].as_u64().unwrap())
}

#[test]
fn a_copy_is_proven_offline_and_what_was_not_checked_is_said() {
    let env = TestEnv::new();
    let trail = Trail::of(4);
    trail.copy_to(&env);
    let ran = check(&env, &[&KEYS[..], &["--dry-run"]].concat());
    assert!(
        ran.stderr
            .contains("3 checked by signature; no signature of 1 is here"),
        "{}",
        ran.stderr
    );
    assert_eq!(digests(&ran.stdout), [3, 1, 0, 0]);
    // What the last one lists waits for its signature.
    assert_eq!(sum(&ran.ok(), COUNTS), [6, 0, 2, 30]);
    // Without keys.
    let ran = check(&env, &["--dry-run"]);
    assert!(
        ran.stderr
            .contains("hashes and chains alone were checked, no signature"),
        "{}",
        ran.stderr
    );
    assert_eq!(digests(&ran.stdout), [0, 4, 0, 0]);
    assert_eq!(sum(&ran.ok(), COUNTS), [8, 0, 0, 40]);
    // With the last signature beside its digest, in both forms.
    let (last, _, signature) = trail.digests.last().unwrap();
    let beside = env.path(&format!("copy/{last}"));
    let metadata =
        json!({"Metadata": {"signature": signature, "signature-algorithm": "SHA256withRSA"}});
    for (end, text) in [
        (".signature", signature.clone()),
        (".metadata.json", metadata.to_string()),
    ] {
        let path = format!("{}{end}", beside.display());
        fs::write(&path, text).unwrap();
        let ran = check(&env, &[&KEYS[..], &["--dry-run"]].concat());
        assert!(
            ran.stderr.contains("digests: 4 checked by signature"),
            "{}",
            ran.stderr
        );
        assert_eq!(digests(&ran.stdout), [4, 0, 0, 0]);
        assert_eq!(sum(&ran.ok(), COUNTS), [8, 0, 0, 40]);
        fs::remove_file(path).unwrap();
    }
    // Files that a later digest will list stay for a later import.
    let late = "1_CloudTrail_eu-west-1_20260301T0410Z_x.json";
    write(&env.path(&format!("copy/{late}")), records(90..95));
    let ran = check(&env, &[&KEYS[..], &["--dry-run"]].concat());
    assert!(
        ran.stderr.contains("3 files left for a later import"),
        "{}",
        ran.stderr
    );
    assert_eq!(sum(&ran.ok(), COUNTS), [6, 0, 3, 30]);
}

#[test]
fn what_was_changed_removed_or_added_is_named_and_not_imported() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let trail = Trail::of(4);
    trail.copy_to(&env);
    let path = |key: &str| env.path(&format!("copy/{key}"));
    let (changed, removed) = (&trail.logs[1].0, &trail.logs[4].0);
    let forged = trail.logs[1].1.replace("\"ann\"", "\"eve\"");
    fs::write(path(changed), gzip(forged)).unwrap();
    fs::remove_file(path(removed)).unwrap();
    let added =
        "AWSLogs/1/CloudTrail/eu-west-1/2026/03/01/1_CloudTrail_eu-west-1_20260301T0005Z_y.json.gz";
    write(&path(added), gzip(records(70..75)));
    let ran = check(&env, &KEYS);
    for words in [
        format!("{changed}: changed: "),
        format!("missing file: {removed}, which "),
        format!("{added}: not proven: no digest lists it"),
    ] {
        assert!(ran.stderr.contains(&words), "{words}: {}", ran.stderr);
    }
    assert_eq!(sum(&ran.stdout, COUNTS), [4, 2, 2, 20]);
    assert_eq!(digests(&ran.stdout), [3, 1, 0, 1]);
    ran.fails(1);
    let eve = env.run(&[
        "search",
        "-s",
        "2026-03-01",
        "-e",
        "2026-03-01",
        "--count",
        "actor:eve",
    ]);
    assert_eq!(eve.ok().trim(), "0");
    // Only when the user wants it all the same; the faults are named, and stay faults.
    let ran = check(&env, &[&KEYS[..], &["--unverified"]].concat());
    assert!(
        ran.stderr.contains(&format!("{changed}: changed: ")),
        "{}",
        ran.stderr
    );
    assert_eq!(sum(&ran.stdout, COUNTS), [8, 0, 0, 40]);
    assert_eq!(digests(&ran.stdout), [3, 1, 0, 3]);
    ran.fails(1);
}

#[test]
fn changed_and_missing_digests_are_named() {
    let env = TestEnv::new();
    let trail = Trail::of(5);
    trail.copy_to(&env);
    let path = |key: &str| env.path(&format!("copy/{key}"));
    let (changed, text, _) = &trail.digests[1];
    // A log file and its digest, both changed to fit.
    let forged = trail.logs[2].1.replace("\"ann\"", "\"eve\"");
    let digest = text.replace(&sha(&trail.logs[2].1), &sha(&forged));
    fs::write(path(changed), gzip(digest)).unwrap();
    fs::write(path(&trail.logs[2].0), gzip(forged)).unwrap();
    for keys in [&KEYS[..], &[]] {
        let ran = check(&env, &[keys, &["--dry-run"]].concat());
        let words = if keys.is_empty() {
            "broken chain: "
        } else {
            "changed digest: "
        };
        assert!(
            ran.stderr.contains(words) && ran.stderr.contains(changed),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr
                .contains(&format!("{}: not proven: ", trail.logs[2].0)),
            "{}",
            ran.stderr
        );
        ran.fails(1);
    }
    trail.copy_to(&env);
    // The control: it is whole again.
    check(&env, &[&KEYS[..], &["--dry-run"]].concat()).ok();
    fs::remove_file(path(changed)).unwrap();
    let ran = check(&env, &[&KEYS[..], &["--dry-run"]].concat());
    let words = format!(
        "missing digest: {changed}; from 2026-03-01T01:00:00Z to 2026-03-01T02:00:00Z nothing is checked"
    );
    assert!(ran.stderr.contains(&words), "{}", ran.stderr);
    ran.fails(1);
    fs::write(path(changed), "{}").unwrap();
    let ran = check(&env, &["--dry-run"]).fails(1);
    assert!(ran.contains("unreadable digest: "), "{ran}");
    // Nothing to check with, and keys that are none.
    fs::remove_dir_all(env.path("copy/AWSLogs/1/CloudTrail-Digest")).unwrap();
    let none = check(&env, &["--dry-run"]).fails(1);
    assert!(none.contains("there are no digest files"), "{none}");
    let wrong = check(&env, &["--dry-run", "--public-keys", "copy/AWSLogs"]).fails(1);
    assert!(wrong.contains("copy/AWSLogs is a directory"), "{wrong}");
    fs::write(env.path("wrong.json"), "{}").unwrap();
    let wrong = check(&env, &["--dry-run", "--public-keys", "wrong.json"]).fails(2);
    assert!(wrong.contains("holds no public keys"), "{wrong}");
}

#[test]
fn in_a_bucket_every_signature_is_at_hand() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let cloud = Cloud::start();
    let trail = Trail::of(3);
    trail.copy_to(&env);
    for (key, text) in &trail.logs {
        cloud.put(key, gzip(text));
    }
    for (key, text, signature) in &trail.digests {
        let object = Object {
            bytes: gzip(text),
            signature: Some(signature.clone()),
        };
        cloud.put_object(key, object);
    }
    let import = |place: &str| {
        let args = ["--format", "json", "cloudtrail", place, "--verify-digests"];
        cloud.import(&env, &[&args, &KEYS[..]].concat())
    };
    // The digests are found beside the prefix of the log files.
    let ran = import("s3://logs/AWSLogs/1/CloudTrail/eu-west-1/");
    assert_eq!(digests(&ran.stdout), [3, 0, 0, 0]);
    assert_eq!(sum(&ran.ok(), COUNTS), [6, 0, 0, 30]);
    // An object that is changed after its import is found, too.
    cloud.put(&trail.logs[0].0, gzip(records(40..45)));
    let ran = import("s3://logs/AWSLogs/");
    assert!(
        ran.stderr
            .contains(&format!("{}: changed: ", trail.logs[0].0)),
        "{}",
        ran.stderr
    );
    assert_eq!(sum(&ran.stdout, COUNTS), [5, 1, 0, 25]);
    ran.fails(1);
}
