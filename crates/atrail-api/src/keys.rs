//! The key that verifies evidence.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer of `/v3/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceKey {
    /// The server's name, with which the origins of its logs begin.
    pub name: String,
    /// The verifier key, in the notation of C2SP signed-note.
    pub key: String,
    /// The changes of the key, oldest first, for a client that remembers an earlier key. Each is a note in which a key
    /// endorses its successor. The note's text has three lines: `atrail key rotation`, the server's name, and the next
    /// verifier key.
    #[serde(default)]
    pub endorsements: Vec<String>,
}
