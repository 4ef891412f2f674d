//! Ingest keys.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A key that only sends, to one domain, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IngestKey {
    /// The public part.
    pub id: String,
    /// The name that the key's maker chose for it; unique in its account.
    pub name: String,
    /// GUID of the account.
    pub account: String,
    /// GUID of the space that the events go to; absent: they go to the account's own domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// The format of the events where a request names none.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether events of no known form are refused; otherwise they are stored in a generic form.
    pub strict: bool,
    /// Whether an event that names an organization goes to the account's space of that name; absent: it does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_organization: bool,
    /// SHA-256 of the client certificate that stands for the key, as hexadecimal digits of its DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Name of the user who made the key.
    pub maker: String,
    /// RFC 3339, UTC.
    pub create_time: String,
    /// When the key was last rotated; RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_time: Option<String>,
    /// Until when the secret before the last rotation works; absent: it does not any longer. RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<String>,
    /// When a request last carried the key; RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_time: Option<String>,
    /// When the server last accepted an event of the key; RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time: Option<String>,
    /// Number of accepted events, duplicates included.
    pub accepted: u64,
    /// Number of accepted events that the server had already.
    pub duplicates: u64,
    /// Number of refused events.
    pub refused: u64,
    /// Bytes of the requests' bodies, after decompression.
    pub bytes: u64,
    /// After how many seconds without an event the sender counts as silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_after: Option<u64>,
    /// Since when the sender counts as silent; absent: it does not. RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<String>,
}

/// The body of `POST /v3/ingest_keys`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IngestKeyCreate {
    /// The name that the key's maker chooses for it; unique in its account.
    pub name: String,
    /// GUID of the space that the events go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// GUID of the account, in place of `space`, for events that go to the account's own domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The format of the events where a request names none; absent: each event's form decides. With `github`, the key is
    /// also the secret of a webhook, whose signatures the server then checks.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether to refuse events of no known form, rather than to store them in a generic form.
    #[serde(default)]
    pub strict: bool,
    /// Whether an event of WorkOS's API goes to the account's space that is named as its organization, if the account has
    /// exactly one; only for a key that sends to the account's own domain, where all other events go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_organization: bool,
    /// SHA-256 of the DER of a client certificate that stands for the key, as 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// After how many seconds without an event the sender counts as silent, which the server then records; at least 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_after: Option<u64>,
}

/// The query of `GET /v3/ingest_keys`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct IngestKeysQuery {
    /// GUID of the account whose keys to list; absent: those of each account that the caller owns, and for the server's
    /// operator all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// The body of `POST /v3/ingest_keys/{id}`, which rotates the key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IngestKeyRotate {
    /// For how many seconds the secret before still works; 0: it ends at once [default: 604800, seven days].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<u64>,
}

/// The answer that holds a new secret, this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IngestKeyCreated {
    /// The public part.
    pub id: String,
    /// The name that the key's maker chose for it.
    pub name: String,
    /// The whole key: `atk_<id>_<random><checksum>`.
    pub key: String,
    /// Until when the secret before works, after a rotation; RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<String>,
}

impl std::fmt::Debug for IngestKeyCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IngestKeyCreated")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
