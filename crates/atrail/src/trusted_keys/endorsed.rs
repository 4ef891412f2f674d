//! Follows a remembered key to the one that a server shows now.

use atrail_api::EvidenceKey;
use atrail_evidence::VerifierKey;

use crate::error::{CliError, Result};

/// Returns the key that a server shows now if a remembered one leads to it: it is the same, or each key in between
/// endorses the next. `replaced` holds the keys that the server is known to have replaced.
pub(crate) fn follow(
    remembered: &VerifierKey,
    shown: &EvidenceKey,
    replaced: &[String],
) -> Result<VerifierKey> {
    let mut key = remembered.clone();
    for note in &shown.endorsements {
        // Endorsements from before the remembered key have signatures of keys that it does not know.
        let Ok(text) = key.verify(note) else { continue };
        let next = text
            .strip_prefix("atrail key rotation\n")
            .and_then(|rest| rest.strip_prefix(key.name()))
            .and_then(|rest| rest.trim_matches('\n').parse().ok());
        if let Some(next) = next {
            key = next;
        }
    }
    if key.to_string() == shown.key {
        return Ok(key);
    }
    Err(another_key(remembered, shown, replaced))
}

fn another_key(remembered: &VerifierKey, shown: &EvidenceKey, replaced: &[String]) -> CliError {
    let keys = format!("remembered: {remembered}; shown now: {}", shown.key);
    if replaced.contains(&shown.key) {
        return CliError::failed(
            "the server's evidence is signed with a key that the server had replaced",
        )
        .because(keys)
        .hint(
            "somebody restored a backup from before the replacement, or uses the old key: ask the server's operator. If \
             the restore is the operator's, `atrail login --trust-new-key` accepts the key",
        );
    }
    CliError::failed(
        "the server's evidence is signed with another key than before, and the previous key does not endorse it",
    )
    .because(keys)
    .hint(
        "either an older backup of the server was restored, or this is another server, or its key was lost or stolen: ask \
         its operator. `atrail login --trust-new-key` accepts the key",
    )
}
