//! The public keys that CloudTrail signs digests with: the answer of `aws cloudtrail list-public-keys`.

use std::collections::HashMap;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// Public keys by their fingerprints.
#[derive(Debug, Clone, Default)]
pub(crate) struct PublicKeys(HashMap<String, Vec<u8>>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    public_key_list: Vec<PublicKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublicKey {
    value: String,
    fingerprint: String,
}

/// What a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The key with this fingerprint made it, of this text.
    Right,
    /// It is of another text, or by another key.
    Wrong,
    /// The key is not there.
    NoKey,
}

impl PublicKeys {
    /// Adds the keys of an answer, which is of one region.
    ///
    /// # Errors
    /// When the text is no such answer; the error is its reason.
    pub(crate) fn add(&mut self, text: &[u8]) -> Result<(), String> {
        let answer: Answer = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        for key in answer.public_key_list {
            let value = STANDARD.decode(key.value.trim());
            let value = value.map_err(|error| format!("{}: {error}", key.fingerprint))?;
            self.0.insert(key.fingerprint.to_ascii_lowercase(), value);
        }
        Ok(())
    }

    /// Checks a signature: RSA, PKCS #1 v1.5, SHA-256 (RFC 8017 §8.2). A key is the DER of an `RSAPublicKey`.
    pub(crate) fn check(&self, fingerprint: &str, text: &[u8], signature: &[u8]) -> Verdict {
        let Some(key) = self.0.get(&fingerprint.to_ascii_lowercase()) else {
            return Verdict::NoKey;
        };
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
        match key.verify(text, signature) {
            Ok(()) => Verdict::Right,
            Err(_) => Verdict::Wrong,
        }
    }
}
