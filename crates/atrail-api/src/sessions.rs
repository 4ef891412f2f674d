//! Download sessions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of `POST /v3/sessions`. All optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// First day, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Last day, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// The whole account in place of the targeted space.
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
    /// Sizes of domain logs of which the client has checkpoints, by domain: the receipt then proves that what was signed
    /// then was only added to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub since: BTreeMap<String, u64>,
}

/// A session, as `POST` and `GET` answer it. The original's members come first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Session {
    /// GUID of the session.
    pub id: String,
    /// GUID of the space that was targeted.
    pub space: String,
    /// Whose session it is.
    pub username: String,
    /// RFC 3339, UTC, nine fraction digits.
    pub create_time: String,
    /// When it was last used.
    pub access_time: String,
    /// The days, inclusive.
    pub date_range: DateRange,
    /// What is in it.
    pub types: SessionTypes,
    /// Hours of each day, as asked; empty for whole days.
    pub search_time: String,
    /// Where it stands.
    pub state: SessionState,
    /// Events in it.
    pub events: u64,
    /// Bytes of the events' JSON text.
    pub size_bytes: u64,
    /// Length of the download, in bytes.
    pub total_bytes: u64,
    /// How many bytes of the download were sent at least once.
    pub downloaded_bytes: u64,
    /// When it ends unless it is used before.
    pub expire_time: String,
    /// Strong entity tag of the download, without quotes.
    pub etag: String,
    /// Where the logs of its domains stood when it was made, in download order.
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
    /// Root over them: SHA-256, base64.
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

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Nothing was downloaded yet.
    Open,
    /// Part of it was sent.
    Downloading,
    /// The last byte was sent.
    Downloaded,
    /// Events that it pinned were deleted.
    Gone,
}

/// The answer of `DELETE /v3/sessions/ID`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    /// `Delete session success`.
    pub message: String,
}
