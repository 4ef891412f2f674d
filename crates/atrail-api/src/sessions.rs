//! Download sessions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of `POST /v3/sessions`. Every member is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// First day, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Last day, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Whether to select the whole account instead of the targeted space.
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
    /// Hours of each day: `7` or `0-23`.
    #[serde(
        rename = "SearchTime",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub search_time: Option<String>,
    /// By domain, the size of the domain's log at the client's checkpoint. The receipt then proves that the log has
    /// only grown since that checkpoint.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub since: BTreeMap<String, u64>,
}

/// A session in the answers of `POST` and `GET`. The original's members come first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Session {
    /// GUID of the session.
    pub id: String,
    /// GUID of the targeted space.
    pub space: String,
    /// The name of the session's user.
    pub username: String,
    /// RFC 3339, UTC, nine fraction digits.
    pub create_time: String,
    /// When the session was last used.
    pub access_time: String,
    /// The days, inclusive.
    pub date_range: DateRange,
    /// The kind of events.
    pub types: SessionTypes,
    /// Hours of each day, as requested; empty for whole days.
    pub search_time: String,
    /// The state of the session.
    pub state: SessionState,
    /// Number of events.
    pub events: u64,
    /// Bytes of the events' JSON text.
    pub size_bytes: u64,
    /// Length of the download, in bytes.
    pub total_bytes: u64,
    /// Bytes of the download that the server has sent at least once.
    pub downloaded_bytes: u64,
    /// When the session expires unless it is used before.
    pub expire_time: String,
    /// Strong entity tag of the download, without quotes.
    pub etag: String,
    /// The checkpoints of its domains' logs at its creation, in download order.
    #[serde(default)]
    pub checkpoints: Vec<Checkpoint>,
}

/// The size and root of a domain's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checkpoint {
    /// `space-GUID` or `account-GUID`.
    pub domain: String,
    /// Records in the log.
    pub size: u64,
    /// Root hash of the log: SHA-256, base64.
    pub root: String,
}

/// Days, inclusive, under the original's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DateRange {
    /// Last day.
    #[serde(rename = "End")]
    pub end: String,
    /// First day.
    #[serde(rename = "Start")]
    pub start: String,
}

/// The kind of events, under the original's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionTypes {
    /// Whether the session covers the whole account.
    #[serde(rename = "AtAccountLevel", default)]
    pub at_account_level: bool,
    /// Always `ActivityTracker`.
    #[serde(rename = "Type")]
    pub kind: String,
}

/// The state of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// The server has sent nothing of the download.
    Open,
    /// The server has sent part of the download.
    Downloading,
    /// The server has sent the last byte of the download.
    Downloaded,
    /// A deletion removed events of the session.
    Gone,
}

/// The answer of `DELETE /v3/sessions/ID`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    /// `Delete session success`.
    pub message: String,
}
