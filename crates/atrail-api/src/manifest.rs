//! What a session pins.

use serde::{Deserialize, Serialize};

/// The objects of a session in download order. The `ETag` of the download is the SHA-256 of this text as served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The parts of the download, one after the other.
    pub objects: Vec<ManifestObject>,
}

/// One part of a download: bytes of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestObject {
    /// The domain that its events are in: `space-GUID` or `account-GUID`.
    pub domain: String,
    /// GUID of the object.
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
