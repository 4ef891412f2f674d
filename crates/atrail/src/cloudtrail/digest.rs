//! One digest file.

use atrail_model::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// A digest file, and the signature that was found beside it.
#[derive(Debug, Clone)]
pub(crate) struct Digest {
    /// Where it was found, for messages.
    pub(crate) place: String,
    /// Its object key, by its own text.
    pub(crate) object: String,
    /// The beginning of the time that it covers.
    pub(crate) start: Timestamp,
    /// The end of the time that it covers.
    pub(crate) end: Timestamp,
    /// The fingerprint of the key that signed it.
    pub(crate) fingerprint: String,
    /// The digest before it; `None` for the first of a chain.
    pub(crate) previous: Option<Previous>,
    /// The log files that it lists.
    pub(crate) logs: Vec<Log>,
    /// SHA-256 of its unpacked bytes.
    pub(crate) hash: Hash,
    /// SHA-256 of the file's bytes, which may be packed.
    pub(crate) packed_hash: Hash,
    /// Its signatures, from the metadata of its object or from a file beside it: one at most of each copy.
    pub(crate) signatures: Vec<Vec<u8>>,
    /// Whether it was read with the metadata of its object, where CloudTrail writes the signature.
    pub(crate) has_metadata: bool,
    /// The text that is signed, without the hash of this digest's own bytes.
    end_text: String,
    bucket: String,
    previous_signature: Option<String>,
}

/// What a digest says of the one before it.
#[derive(Debug, Clone)]
pub(crate) struct Previous {
    /// Its object key.
    pub(crate) object: String,
    /// Its hash.
    pub(crate) hash: Option<Hash>,
    /// Its signature.
    pub(crate) signature: Vec<u8>,
}

/// A log file, by a digest.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    /// Its object key.
    pub(crate) object: String,
    /// SHA-256 of its unpacked bytes.
    pub(crate) hash: Hash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    digest_signature_algorithm: String,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_hash_algorithm: Option<String>,
    previous_digest_signature: Option<String>,
    log_files: Vec<LogText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogText {
    s3_object: String,
    hash_value: String,
    hash_algorithm: String,
}

impl Digest {
    /// Reads a digest: its unpacked text, the hash of its file, and the signature from beside it.
    ///
    /// # Errors
    /// When the text is no digest that this program understands; the error is the reason.
    pub(crate) fn read(
        place: String,
        text: &[u8],
        packed_hash: Hash,
        signature: Option<Vec<u8>>,
    ) -> Result<Self, String> {
        let digest: Text = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if digest.digest_signature_algorithm != "SHA256withRSA" {
            let algorithm = &digest.digest_signature_algorithm;
            return Err(format!("the signature algorithm {algorithm:?} is unknown"));
        }
        let time = |name: &str, text: &str| {
            let time = text.parse::<Timestamp>();
            time.map_err(|error| format!("{name}: {error}"))
        };
        let logs = digest.log_files.into_iter().map(|log| {
            Ok(Log {
                hash: sha_256(&log.hash_algorithm, &log.hash_value)?,
                object: log.s3_object,
            })
        });
        let logs = logs.collect::<Result<_, String>>()?;
        let previous_signature = digest.previous_digest_signature;
        let previous = match (digest.previous_digest_s3_object, &previous_signature) {
            (Some(object), Some(signature)) => Some(Previous {
                object,
                hash: match (
                    digest.previous_digest_hash_algorithm.as_deref(),
                    &digest.previous_digest_hash_value,
                ) {
                    (Some(algorithm), Some(value)) => Some(sha_256(algorithm, value)?),
                    _ => None,
                },
                signature: from_hex(signature)
                    .ok_or("previousDigestSignature is not hexadecimal")?,
            }),
            _ => None,
        };
        Ok(Self {
            place,
            start: time("digestStartTime", &digest.digest_start_time)?,
            end: time("digestEndTime", &digest.digest_end_time)?,
            object: digest.digest_s3_object,
            fingerprint: digest.digest_public_key_fingerprint,
            previous,
            logs,
            hash: Sha256::digest(text).into(),
            packed_hash,
            signatures: signature.into_iter().collect(),
            has_metadata: false,
            end_text: digest.digest_end_time,
            bucket: digest.digest_s3_bucket,
            previous_signature,
        })
    }

    /// Returns the digest as one that was read with the metadata of its object.
    pub(crate) fn of_metadata(self) -> Self {
        Self {
            has_metadata: true,
            ..self
        }
    }

    /// Returns the text that CloudTrail signs: end of the time, bucket and key, hash of the unpacked digest, signature of
    /// the digest before it.
    pub(crate) fn signed_text(&self) -> String {
        let previous = self.previous_signature.as_deref().unwrap_or("null");
        format!(
            "{}\n{}/{}\n{}\n{previous}",
            self.end_text,
            self.bucket,
            self.object,
            to_hex(&self.hash)
        )
    }
}

fn sha_256(algorithm: &str, value: &str) -> Result<Hash, String> {
    if algorithm != "SHA-256" {
        return Err(format!("the hash algorithm {algorithm:?} is unknown"));
    }
    let hash = from_hex(value).and_then(|bytes| bytes.try_into().ok());
    hash.ok_or_else(|| format!("{value:?} is no SHA-256"))
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads hexadecimal digits, in either case.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.chunks_exact(2);
    pairs
        .map(|pair| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok())
        .collect()
}
