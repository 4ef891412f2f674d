//! What a session pins, in download order.

use serde::{Deserialize, Serialize};

/// The objects of a session. The strong entity tag of the download is the SHA-256 of this text as it was made; it is
/// never serialised a second time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The parts of the download, one after the other.
    pub objects: Vec<ManifestObject>,
}

/// One part of a download: bytes of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestObject {
    /// The domain that its events are in: `space-GUID` or `account-GUID`.
    pub domain: String,
    /// GUID of the object; [`EMPTY_OBJECT`] for a download without events.
    pub object: String,
    /// Where in the object the part begins, in bytes.
    pub offset: u64,
    /// How long the part is, in bytes.
    pub length: u64,
    /// SHA-256 of the part's bytes, lower-case hexadecimal.
    pub sha256: String,
    /// GUIDs of the segments in it, in order.
    pub segments: Vec<String>,
}

/// Stands for the one gzip member without content that a download without events consists of: RFC 1952 has no gzip file
/// of no bytes, and `zcat` refuses one.
pub const EMPTY_OBJECT: &str = "00000000-0000-0000-0000-000000000000";

/// Lower-case hexadecimal, as hashes are written in a manifest and in entity tags.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}
