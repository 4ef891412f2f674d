use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::cloudtrail::digest::to_hex;

const BUCKET: &str = "logs";

/// A trail that makes digests as CloudTrail does.
struct Trail {
    key: KeyPair,
    digests: Vec<(Value, Vec<u8>)>,
}

impl Trail {
    fn new() -> Self {
        Self {
            key: KeyPair::generate(KeySize::Rsa2048).unwrap(),
            digests: Vec::new(),
        }
    }

    fn keys(&self) -> PublicKeys {
        let list = json!({"PublicKeyList": [{
            "Value": STANDARD.encode(self.key.public_key().as_ref()), "Fingerprint": "f1"}]});
        let mut keys = PublicKeys::default();
        keys.add(list.to_string().as_bytes()).unwrap();
        keys
    }

    /// Adds the digest of this hour, of the log files `HOUR-0` and `HOUR-1`.
    fn hour(&mut self, hour: usize) {
        let object = object(hour);
        let mut digest = json!({
            "awsAccountId": "1",
            "digestStartTime": format!("2026-03-01T{hour:02}:00:00Z"),
            "digestEndTime": format!("2026-03-01T{:02}:00:00Z", hour + 1),
            "digestS3Bucket": BUCKET,
            "digestS3Object": object,
            "digestPublicKeyFingerprint": "f1",
            "digestSignatureAlgorithm": "SHA256withRSA",
            "previousDigestS3Bucket": null, "previousDigestS3Object": null,
            "previousDigestHashValue": null, "previousDigestHashAlgorithm": null,
            "previousDigestSignature": null,
            "logFiles": (0..2).map(|number| json!({
                "s3Bucket": BUCKET, "s3Object": log(hour, number), "hashAlgorithm": "SHA-256",
                "hashValue": to_hex(&hash_of(hour, number)),
            })).collect::<Vec<_>>(),
        });
        if let Some((previous, signature)) = self.digests.last() {
            digest["previousDigestS3Bucket"] = BUCKET.into();
            digest["previousDigestS3Object"] = previous["digestS3Object"].clone();
            digest["previousDigestHashAlgorithm"] = "SHA-256".into();
            let hash = Sha256::digest(previous.to_string());
            digest["previousDigestHashValue"] = to_hex(&hash).into();
            digest["previousDigestSignature"] = to_hex(signature).into();
        }
        let text = digest.to_string();
        let previous = digest["previousDigestSignature"].as_str().unwrap_or("null");
        let end = digest["digestEndTime"].as_str().unwrap();
        let hash = to_hex(&Sha256::digest(&text));
        let signed = format!("{end}\n{BUCKET}/{object}\n{hash}\n{previous}");
        let mut signature = vec![0; self.key.public_modulus_len()];
        let (random, message) = (SystemRandom::new(), signed.as_bytes());
        self.key
            .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .unwrap();
        self.digests.push((digest, signature));
    }

    /// Returns the digests of a copy; the last ones have their signatures beside them if `with_metadata`.
    fn copy(&self, with_metadata: bool) -> Vec<Digest> {
        let all = self.digests.iter().map(|(digest, signature)| {
            let signature = with_metadata.then(|| signature.clone());
            read(digest, signature)
        });
        all.collect()
    }
}

fn read(digest: &Value, signature: Option<Vec<u8>>) -> Digest {
    let text = digest.to_string();
    let place = digest["digestS3Object"].as_str().unwrap().to_owned();
    Digest::read(place, text.as_bytes(), [0; 32], signature).unwrap()
}

fn object(hour: usize) -> String {
    format!(
        "AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/03/01/1_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260301T{:02}0000Z.json.gz",
        hour + 1
    )
}

fn log(hour: usize, number: usize) -> String {
    format!(
        "AWSLogs/1/CloudTrail/eu-west-1/2026/03/01/1_CloudTrail_eu-west-1_20260301T{hour:02}30Z_{number}.json.gz"
    )
}

fn hash_of(hour: usize, number: usize) -> Hash {
    Sha256::digest(format!("{hour}/{number}")).into()
}

fn trail(hours: impl IntoIterator<Item = usize>) -> Trail {
    let mut trail = Trail::new();
    hours.into_iter().for_each(|hour| trail.hour(hour));
    trail
}

fn counts(proofs: &Proofs) -> (u64, u64, u64) {
    (proofs.signed, proofs.unsigned, proofs.unsound)
}

#[test]
fn a_whole_trail_is_proven_from_its_metadata_and_a_plain_copy_but_for_its_end() {
    let trail = trail(0..4);
    let keys = trail.keys();
    for (metadata, keys, expected) in [
        (true, Some(&keys), (4, 0, 0)),
        (false, Some(&keys), (3, 1, 0)),
        (true, None, (0, 4, 0)),
    ] {
        let proofs = Proofs::of(trail.copy(metadata), keys);
        assert_eq!(proofs.problems, []);
        assert_eq!(counts(&proofs), expected);
        assert_eq!(
            proofs.judge(&log(2, 1), &hash_of(2, 1)),
            Judgement::Unchanged
        );
        let changed = proofs.judge(&log(2, 1), &hash_of(2, 0));
        assert_eq!(changed, Judgement::Changed(object(2)));
        assert_eq!(
            proofs.judge(&log(1, 7), &hash_of(1, 7)),
            Judgement::Unlisted
        );
        // Listed by the digest of the next hour at the earliest.
        assert_eq!(
            proofs.judge(&log(4, 0), &hash_of(4, 0)),
            Judgement::NotYetProven
        );
        let none = proofs.missing(|base| base != names::base(&log(1, 0)), |_| true);
        assert!(matches!(&none[..], [Problem::NoLog { object, .. }] if *object == log(1, 0)));
        assert_eq!(proofs.missing(|_| false, |_| false), []);
    }
}

#[test]
fn a_changed_digest_is_found_by_its_signature_or_by_the_next_one() {
    let trail = trail(0..4);
    let keys = trail.keys();
    let forged = |metadata: bool| {
        let mut digest = trail.digests[1].0.clone();
        digest["logFiles"][0]["hashValue"] = to_hex(&hash_of(9, 9)).into();
        let mut copy = trail.copy(metadata);
        let signature = copy[1].signatures.pop();
        copy[1] = read(&digest, signature);
        copy
    };
    for metadata in [true, false] {
        let proofs = Proofs::of(forged(metadata), Some(&keys));
        assert!(
            proofs
                .problems
                .contains(&Problem::WrongSignature { digest: object(1) })
        );
        assert_eq!(proofs.unsound, 1);
        assert_eq!(
            proofs.judge(&log(1, 0), &hash_of(9, 9)),
            Judgement::Unproven(object(1))
        );
        assert_eq!(
            proofs.judge(&log(2, 0), &hash_of(2, 0)),
            Judgement::Unchanged
        );
    }
    // Without keys, the chain shows it, and neither side is believed.
    let proofs = Proofs::of(forged(false), None);
    let broken = Problem::Broken {
        earlier: object(1),
        later: object(2),
    };
    assert_eq!(proofs.problems, [broken]);
    assert_eq!(counts(&proofs), (0, 2, 2));
}

#[test]
fn missing_digests_and_hours_are_named() {
    let whole = trail(0..5);
    let mut copy = whole.copy(true);
    copy.remove(2);
    let proofs = Proofs::of(copy, Some(&whole.keys()));
    let [
        Problem::Missing {
            object: named,
            from,
            to,
        },
    ] = &proofs.problems[..]
    else {
        panic!("{:?}", proofs.problems)
    };
    assert_eq!(*named, object(2));
    assert_eq!(
        (from.to_string(), to.to_string()),
        ("2026-03-01T02:00:00Z".into(), "2026-03-01T03:00:00Z".into())
    );

    // A trail that was stopped, and that another followed.
    let mut stopped = trail(0..2);
    let before = stopped.copy(true);
    stopped.digests.clear();
    stopped.hour(5);
    let all = [before, stopped.copy(true)].concat();
    let proofs = Proofs::of(all, Some(&stopped.keys()));
    assert!(
        matches!(&proofs.problems[..], [Problem::Gap { .. }]),
        "{:?}",
        proofs.problems
    );
    assert_eq!(counts(&proofs), (3, 0, 0));
}

#[test]
fn keys_of_others_and_keys_that_lack_are_told_apart() {
    let trail = trail(0..3);
    let proofs = Proofs::of(trail.copy(true), Some(&Trail::new().keys()));
    assert_eq!(counts(&proofs), (0, 0, 3));
    let proofs = Proofs::of(trail.copy(true), Some(&PublicKeys::default()));
    assert_eq!(counts(&proofs), (0, 3, 0));
    assert!(matches!(&proofs.problems[..], [Problem::NoKey { .. }, ..]));
}

#[test]
fn copies_are_one_digest_and_two_of_one_name_are_a_fault() {
    let trail = trail(0..2);
    let twice = [trail.copy(false), trail.copy(true)].concat();
    let proofs = Proofs::of(twice, Some(&trail.keys()));
    assert_eq!((counts(&proofs), proofs.problems.len()), ((2, 0, 0), 0));

    let mut other = trail.digests[1].0.clone();
    other["logFiles"] = json!([]);
    let mut copy = trail.copy(true);
    copy.push(read(&other, None));
    let proofs = Proofs::of(copy, Some(&trail.keys()));
    assert!(
        matches!(
            &proofs.problems[..],
            [Problem::Unsigned { .. }, Problem::Two { .. }]
        ),
        "{:?}",
        proofs.problems
    );
    assert_eq!(counts(&proofs), (2, 0, 1));
}
