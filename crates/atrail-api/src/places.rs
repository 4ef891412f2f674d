//! One event by its place, the entries of the signed logs, and events as they become durable.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::search::HitPlace;

/// Names one sealed event: query or body of `GET /v3/events/at` and `GET /v3/events/proof`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EventPlace {
    /// GUID of its segment.
    pub segment: String,
    /// Its number in the segment, from 0.
    pub index: u64,
    /// Base64 of its leaf hash: another event at the place is refused (409).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<String>,
    /// Whether to look in the whole account instead of the targeted space.
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
}

/// Query or body of `GET /v3/log`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// The kinds of entries, with commas between them: `delete`, `policy`, `hold` (`release` too), `key` (`genesis` too),
    /// `space` (`space-added`, `space-removed`), `seal`. Default: `delete,policy,hold,key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<String>,
    /// Whether to list the logs of the whole account instead of the targeted space's.
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
}

/// A line of `GET /v3/log` before the entries of a log: the state that they belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogCheckpoint {
    /// `space-GUID` or `account-GUID`.
    pub domain: String,
    /// Number of entries of the log.
    pub size: u64,
    /// The checkpoint of this size: a signed note.
    pub checkpoint: String,
}

/// A line of `GET /v3/log`: an entry of the log that the last line with a checkpoint began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogEntry {
    /// `space-GUID` or `account-GUID`.
    pub domain: String,
    /// Index of its record in the log, from 0.
    pub index: u64,
    /// The list that it belongs to: `YYYY-MM-DD`, or `control`.
    pub list: String,
    /// Its position in this list, from 0.
    pub position: u64,
    /// Its time (RFC 3339), as it states it.
    pub time: String,
    /// Its type, as it states it.
    pub kind: String,
    /// The entry as it is hashed and signed, to the byte.
    pub entry: String,
}

/// The line before each event of `POST /v3/tail`. The next line is the event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TailPlace {
    /// Where it stands: it is not sealed yet.
    #[serde(flatten)]
    pub place: HitPlace,
    /// The place behind it: `after` it a later tail continues.
    pub position: String,
}

/// The first line of an answer of `POST /v3/tail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TailStart {
    /// Where the tail begins.
    pub position: String,
}

/// A line of `POST /v3/tail`: events are missing here, because the reader came too late or reads too slowly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TailMissed {
    /// Which.
    pub missed: MissedRange,
}

/// The time in which events became durable that a tail does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissedRange {
    /// None before this instant is missing (RFC 3339); null when that is not known.
    pub from: Option<String>,
    /// None after this instant is missing (RFC 3339).
    pub to: String,
}

/// The last line of `POST /v3/tail` when the server ends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TailEnd {
    /// Why.
    pub end: TailEnded,
}

/// Why the server ended a tail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TailEnded {
    /// The kind of the reason, as of an error: with `unavailable` it is worthwhile to connect again.
    pub code: crate::ErrorCode,
    /// The reason in words.
    pub detail: String,
}
