//! The key that evidence is verified with.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer of `/v3/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceKey {
    /// The server's name, which the origins of its logs begin with.
    pub name: String,
    /// The verifier key, as C2SP signed-note writes it.
    pub key: String,
    /// For who remembers an earlier key: of each change of keys, oldest first, the note by which the key before endorses the
    /// next. Its text is `atrail key rotation`, the server's name, the next verifier key, a line each.
    #[serde(default)]
    pub endorsements: Vec<String>,
}
