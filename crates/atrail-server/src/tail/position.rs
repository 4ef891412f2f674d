//! Positions of tails as texts that say nothing to their reader.
//!
//! A position has the number of a frame of the log, which counts the requests of all tenants. So it is encrypted, with a
//! key of this process: a position of the process before is known by that one's key, and an older one by none. (Nodes that
//! share a log share the key.)

use std::io;

use atrail_model::Timestamp;
use atrail_store::{After, JournalPlace, Secrets};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::auth::secrets::random;
use crate::error::ApiError;

/// The name of the secret: the key of the last process that opened it, in base64.
const SECRET: &str = "tail-positions.key";
/// Bytes of a position: the number of the frame, the number of events, and nanoseconds.
const PLAIN: usize = 20;
const TAG: usize = 12;

/// The server cannot use or create the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PositionsError {
    /// The server cannot read or write it.
    #[error("cannot use the key of positions {place}")]
    Secret {
        place: String,
        #[source]
        source: io::Error,
    },
    /// The system returns no random bytes.
    #[error("the system returns no random bytes")]
    Random(#[source] getrandom::Error),
}

/// Writes and reads positions.
pub(crate) struct Positions {
    key: [u8; 32],
    before: Option<[u8; 32]>,
}

impl std::fmt::Debug for Positions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Positions")
    }
}

/// Where a tail begins, and when the event before it became durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct From {
    pub(crate) after: After,
    pub(crate) time: Option<Timestamp>,
}

impl Default for From {
    fn default() -> Self {
        Self {
            after: After::Now,
            time: None,
        }
    }
}

impl Positions {
    /// Opens the positions of this process. Nodes that share a log have one key: a place of the log is the same on all.
    pub(super) fn open(secrets: &dyn Secrets, is_shared: bool) -> Result<Self, PositionsError> {
        let failed = |source| PositionsError::Secret {
            place: secrets.place(SECRET),
            source,
        };
        // A damaged key is as none: positions of before are not known then.
        let before = secrets.load(SECRET).map_err(failed)?;
        let before = before.and_then(|text| URL_SAFE_NO_PAD.decode(text.trim()).ok());
        let before: Option<[u8; 32]> = before.and_then(|bytes| bytes.try_into().ok());
        if let (Some(key), true) = (before, is_shared) {
            return Ok(Self { key, before: None });
        }
        let key = random().map_err(PositionsError::Random)?;
        let text = URL_SAFE_NO_PAD.encode(key) + "\n";
        if is_shared {
            return match secrets.create(SECRET, &text) {
                Ok(()) => Ok(Self { key, before: None }),
                // Another node made one at the same time.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Self::open(secrets, is_shared)
                }
                Err(error) => Err(failed(error)),
            };
        }
        secrets.replace(SECRET, &text).map_err(failed)?;
        Ok(Self { key, before })
    }

    /// Returns the text of a place, with the time at which the event before it became durable.
    pub(super) fn text(&self, place: JournalPlace, time: Timestamp) -> String {
        let nanoseconds = i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
        let mut bytes = [0; TAG + PLAIN];
        let (tag, plain) = bytes.split_at_mut(TAG);
        plain[..8].copy_from_slice(&place.sequence.to_be_bytes());
        plain[8..12].copy_from_slice(&place.events.to_be_bytes());
        plain[12..].copy_from_slice(&nanoseconds.to_be_bytes());
        tag.copy_from_slice(&keyed(&self.key, b"tag", plain)[..TAG]);
        mask(&self.key, tag, plain);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a position.
    pub(crate) fn parse(&self, text: &str) -> Result<From, ApiError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let bytes: Option<[u8; TAG + PLAIN]> = bytes.and_then(|bytes| bytes.try_into().ok());
        let bytes =
            bytes.ok_or_else(|| ApiError::bad_request("after is not a position of a tail"))?;
        let read = |key| open(key, bytes);
        if let Some((place, time)) = read(&self.key) {
            let (after, time) = (After::Here(place), Some(time));
            return Ok(From { after, time });
        }
        if let Some((place, time)) = self.before.as_ref().and_then(read) {
            let (after, time) = (After::Before(place), Some(time));
            return Ok(From { after, time });
        }
        Ok(From {
            after: After::Unknown,
            time: None,
        })
    }
}

fn open(key: &[u8; 32], mut bytes: [u8; TAG + PLAIN]) -> Option<(JournalPlace, Timestamp)> {
    let (tag, plain) = bytes.split_at_mut(TAG);
    mask(key, tag, plain);
    if keyed(key, b"tag", plain)[..TAG] != *tag {
        return None;
    }
    let place = JournalPlace {
        sequence: u64::from_be_bytes(plain[..8].try_into().ok()?),
        events: u32::from_be_bytes(plain[8..12].try_into().ok()?),
    };
    let nanoseconds = i64::from_be_bytes(plain[12..].try_into().ok()?);
    let time = Timestamp::from_nanosecond(nanoseconds.into()).ok()?;
    Some((place, time))
}

/// Encrypts and decrypts: the tag is different for each different position.
fn mask(key: &[u8; 32], tag: &[u8], plain: &mut [u8]) {
    let stream = keyed(key, b"mask", tag);
    for (byte, mask) in plain.iter_mut().zip(stream) {
        *byte ^= mask;
    }
}

/// HMAC-SHA-256 (RFC 2104) of a purpose and a text.
fn keyed(key: &[u8; 32], purpose: &[u8], text: &[u8]) -> [u8; 32] {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(purpose)
        .chain_update(text);
    let outer = Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use atrail_store::MemorySecrets;

    use super::*;

    #[test]
    fn a_position_is_known_to_its_process_and_the_next_one() {
        let secrets = MemorySecrets::default();
        let one = Positions::open(&secrets, false).unwrap();
        let place = JournalPlace {
            sequence: 77,
            events: 5,
        };
        let time: Timestamp = "2017-07-25T10:00:00.5Z".parse().unwrap();
        let text = one.text(place, time);
        let parse = |positions: &Positions| positions.parse(&text).unwrap();
        let after = |after| From {
            after,
            time: Some(time),
        };
        assert_eq!(parse(&one), after(After::Here(place)));
        let two = Positions::open(&secrets, false).unwrap();
        assert_eq!(parse(&two), after(After::Before(place)));
        let three = Positions::open(&secrets, false).unwrap();
        assert_eq!(parse(&three).after, After::Unknown);
        let next = one.text(JournalPlace { events: 6, ..place }, time);
        let same = text.bytes().zip(next.bytes()).filter(|(a, b)| a == b);
        assert!(same.count() < text.len() / 2, "{text} {next}");
        for wrong in ["", "7", &text[1..], &format!("{text}A"), "a position"] {
            assert!(one.parse(wrong).is_err(), "{wrong:?}");
        }
        // A changed one is of no process.
        let mut changed = text.clone().into_bytes();
        changed[30] = if changed[30] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(one.parse(&changed).unwrap().after, After::Unknown);
    }

    #[test]
    fn the_code_is_that_of_rfc_4231() {
        // Test case 3 has a key of 20 bytes and a text of 50: here with the key padded, as the code itself does.
        let mut key = [0; 32];
        key[..20].fill(0xaa);
        let code = keyed(&key, &[0xdd; 20], &[0xdd; 30]);
        assert_eq!(
            atrail_evidence::hex(&code),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        );
    }
}
