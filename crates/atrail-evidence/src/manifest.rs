//! The parts of a session's download, in order.

use serde::{Deserialize, Serialize};

/// The objects of a session. The strong entity tag of the download is the SHA-256 of this text as it was first written;
/// nothing serializes it a second time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The parts of the download, in order.
    pub objects: Vec<ManifestObject>,
}

/// One part of a download: bytes of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestObject {
    /// The domain of its events: `space-GUID` or `account-GUID`.
    pub domain: String,
    /// GUID of the object; [`EMPTY_OBJECT`] for a download without events.
    pub object: String,
    /// Offset of the part in the object, in bytes.
    pub offset: u64,
    /// Length of the part, in bytes.
    pub length: u64,
    /// SHA-256 of the part's bytes, lower-case hexadecimal.
    pub sha256: String,
    /// GUIDs of the segments in the part, in order.
    pub segments: Vec<String>,
}

/// Stands for a single gzip member without content, which is the whole of a download without events. RFC 1952 has no
/// gzip file of zero bytes, and `zcat` refuses one.
pub const EMPTY_OBJECT: &str = "00000000-0000-0000-0000-000000000000";

/// Formats bytes in lower-case hexadecimal, as in a manifest and in entity tags.
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
