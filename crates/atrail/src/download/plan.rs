//! The pieces of a download.

use atrail_evidence::{Manifest, hex};
use sha2::{Digest, Sha256};

use crate::error::{CliError, Result};

/// One piece of a download: the bytes that one SHA-256 covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Offset of the first byte in the download.
    pub(crate) start: u64,
    /// Length in bytes; never 0.
    pub(crate) length: u64,
    /// SHA-256 of the bytes.
    pub(crate) sha256: [u8; 32],
    /// The object that the piece comes from, for messages.
    pub(crate) object: String,
}

/// The pieces of a download in order. Invariant: they are contiguous from 0 to `total`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// SHA-256 of the manifest, in hexadecimal: the download's strong entity tag.
    pub(crate) etag: String,
    /// The pieces.
    pub(crate) pieces: Vec<Piece>,
    /// Length of the download, in bytes.
    pub(crate) total: u64,
}

impl Plan {
    /// Parses a manifest and checks it against the entity tag that the session names.
    pub(crate) fn parse(manifest: &[u8], etag: &str) -> Result<Self> {
        let actual = hex(&Sha256::digest(manifest));
        if actual != etag {
            return Err(
                CliError::corrupt("the session's manifest does not match its ETag")
                    .because(format!("expected SHA-256 {etag}, got {actual}"))
                    .hint(
                        "try again; if the error remains, ask the server's operator to check the session",
                    ),
            );
        }
        let broken = |why: String| {
            CliError::corrupt("the session's manifest cannot be used")
                .because(why)
                .hint("is this client older than the server?")
        };
        let manifest: Manifest =
            serde_json::from_slice(manifest).map_err(|error| broken(error.to_string()))?;
        let mut total = 0_u64;
        let mut pieces = Vec::with_capacity(manifest.objects.len());
        for object in manifest.objects {
            if object.length == 0 {
                continue;
            }
            let sha256 = parse_sha256(&object.sha256)
                .ok_or_else(|| broken(format!("{:?} is not a SHA-256", object.sha256)))?;
            pieces.push(Piece {
                start: total,
                length: object.length,
                sha256,
                object: object.object,
            });
            total = total
                .checked_add(object.length)
                .ok_or_else(|| broken("its lengths overflow".to_owned()))?;
        }
        Ok(Self {
            etag: etag.to_owned(),
            pieces,
            total,
        })
    }
}

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a plan of objects with these bytes.
    pub(in crate::download) fn plan_of(objects: &[&[u8]]) -> Plan {
        let objects: Vec<_> = objects
            .iter()
            .map(|bytes| {
                serde_json::json!({
                    "domain": "space-x", "object": format!("o{}", bytes.len()), "offset": 0,
                    "length": bytes.len(), "sha256": hex(&Sha256::digest(bytes)), "segments": []
                })
            })
            .collect();
        let manifest = serde_json::to_vec(&serde_json::json!({ "objects": objects })).unwrap();
        let etag = hex(&Sha256::digest(&manifest));
        Plan::parse(&manifest, &etag).unwrap()
    }

    #[test]
    fn pieces_follow_each_other() {
        let plan = plan_of(&[b"abc", b"", b"defgh"]);
        let places: Vec<_> = plan.pieces.iter().map(|p| (p.start, p.length)).collect();
        assert_eq!(places, [(0, 3), (3, 5)]);
        assert_eq!(plan.total, 8);
        assert_eq!(plan_of(&[]).total, 0);
    }

    #[test]
    fn another_manifest_is_refused() {
        let error = Plan::parse(b"{\"objects\":[]}", &"0".repeat(64)).unwrap_err();
        assert_eq!(error.exit as u8, 6);
    }
}
