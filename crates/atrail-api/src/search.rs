//! Searching, counting and exporting events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of `POST /v3/search`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchQuery {
    /// The query; absent or empty: every event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "action:delete -outcome:success")]
    pub query: Option<String>,
    /// A day (`YYYY-MM-DD`, `today` or `yesterday`) or an instant (RFC 3339) from which on events are searched. Default:
    /// the thirteenth day before the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "yesterday")]
    pub start: Option<String>,
    /// A day, which is searched whole, or an instant, before which events are searched. Default: today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "today")]
    pub end: Option<String>,
    /// Whether to search the whole account instead of the targeted space.
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
    /// `newest` (default) or `oldest` first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "newest")]
    pub order: Option<String>,
    /// The greatest number of hits of this answer: 1 to 1,000. Default: 100. An answer may have fewer, and `more`, when
    /// its events are large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000, example = 100)]
    pub limit: Option<u32>,
    /// The `after` of an answer: continues behind it. Everything else must be as in the request of that answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// The line before each hit: where it stands. The next line is the event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HitPlace {
    /// `YYYY-MM-DD`, UTC, of the event's time.
    pub day: String,
    /// GUID of its segment; null as long as the event is not sealed.
    pub segment: Option<String>,
    /// Its number in the segment, from 0; null as long as the event is not sealed.
    pub index: Option<u64>,
    /// Base64 of its leaf hash (RFC 6962 §2.1).
    pub leaf: String,
    /// Whether it is sealed: only then it has a permanent place, and a proof.
    pub sealed: bool,
    /// GUID of its space, or of the account for the account's own domain.
    pub space: String,
}

/// The last line of an answer of `POST /v3/search`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchEnd {
    /// What was found.
    pub end: SearchSummary,
}

/// What a search found, and what it read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchSummary {
    /// Number of hits in this answer.
    pub hits: u64,
    /// Whether there are more.
    pub more: bool,
    /// Continues behind the last hit; null when there are no more.
    pub after: Option<String>,
    /// What was searched.
    pub searched: Searched,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// What a search covered and read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Searched {
    /// The first instant (RFC 3339).
    pub from: String,
    /// The first instant that was not searched (RFC 3339).
    pub to: String,
    /// Number of events that the answer rests on, looked up in an index or read.
    pub events: u64,
    /// Bytes of events' text that were read because no index answered for them.
    pub bytes_scanned: u64,
    /// Number of index files that were consulted.
    pub files: u64,
    /// Days of which sealed events have no index, ascending: they were read line by line.
    pub unindexed_days: Vec<String>,
}

/// The body of `POST /v3/aggregate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AggregateQuery {
    /// As in [`SearchQuery`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// As in [`SearchQuery`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// As in [`SearchQuery`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// As in [`SearchQuery`].
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
    /// Counts by time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<HistogramQuery>,
    /// Top values, of at most 20 fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub facets: Vec<FacetQuery>,
    /// Fields whose different values are counted, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, example = json!(["target"]))]
    pub distinct: Vec<String>,
    /// Counts by space: those of so many spaces are listed, 1 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000)]
    pub spaces: Option<u32>,
}

/// Asks for counts by time: exactly one member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HistogramQuery {
    /// At most this many buckets, 1 to 200, of one round length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 200, example = 60)]
    pub buckets: Option<u32>,
    /// The length of a bucket: a number and `s`, `m`, `h` or `d`, such as `15m`. At most 10,000 buckets cover the range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
}

/// Asks for the most frequent values of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FacetQuery {
    /// The field.
    #[schema(example = "actor")]
    pub field: String,
    /// The number of values, 1 to 1,000. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000, example = 10)]
    pub size: Option<u32>,
}

/// The answer of `POST /v3/aggregate`. All counts are exact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Aggregates {
    /// Number of events that match.
    pub total: u64,
    /// Time of the first of them (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// Time of the last of them (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// Counts by time, ascending, empty buckets included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Histogram>,
    /// The top values of each field that was asked for, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<Facet>,
    /// The number of different values of each field that was asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub distinct: BTreeMap<String, u64>,
    /// The spaces with the most of these events, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spaces: Option<SpaceCounts>,
    /// What was searched.
    pub searched: Searched,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// Counts by time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Histogram {
    /// The length of a bucket in seconds.
    pub interval_seconds: u64,
    /// The buckets.
    pub buckets: Vec<Bucket>,
}

/// The events of one stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bucket {
    /// Its first instant (RFC 3339).
    pub time: String,
    /// Number of events.
    pub count: u64,
}

/// The most frequent values of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Facet {
    /// The field.
    pub field: String,
    /// The values, the most frequent first, those of one count in the order of their text.
    pub values: Vec<FacetValue>,
    /// Number of occurrences of values that are not listed.
    pub others: u64,
    /// Number of events without a value.
    pub missing: u64,
    /// Number of different values.
    pub distinct: u64,
}

/// A value, and the number of events that have it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetValue {
    /// The value, decoded.
    pub value: String,
    /// Number of events that have it.
    pub count: u64,
}

/// The spaces that have the most events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpaceCounts {
    /// The spaces, the one with the most events first, those of one count in the order of their GUIDs.
    pub values: Vec<SpaceCount>,
    /// Number of events of spaces that are not listed.
    pub others: u64,
    /// Number of spaces that have such events.
    pub distinct: u64,
}

/// A space, and the number of its events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpaceCount {
    /// The space's GUID, or the account's for events of the account's own domain.
    pub space: String,
    /// Number of its events.
    pub count: u64,
}

/// The body of `POST /v3/exports`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// As in [`SearchQuery`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// As in [`SearchQuery`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// As in [`SearchQuery`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// As in [`SearchQuery`].
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
    /// As in [`SearchQuery`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// `ndjson` (default), `csv`, `json` or `es-bulk`.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "csv")]
    pub format: Option<String>,
    /// The columns of `csv`, in their order. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["time", "action", "outcome"]))]
    pub columns: Option<Vec<String>>,
    /// The index that `es-bulk` names. Default: `activity-tracker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
}

/// The answer of `POST /v3/exports`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewExport {
    /// Its id: `GET /v3/exports/ID` streams the events.
    pub id: String,
    /// When it expires (RFC 3339).
    pub expires: String,
}

/// The body of `POST /v3/tail`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TailQuery {
    /// As in [`SearchQuery`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// As in [`SearchQuery`].
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
    /// The last `position` that was received: continues behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}
