//! The care of the search index.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of `POST /v3/index`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexRequest {
    /// What to do. Default: `verify`.
    #[serde(default)]
    pub care: IndexCareKind,
}

/// What is done to the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IndexCareKind {
    /// Reads every file of the index to its end. Damaged ones are made anew.
    #[default]
    Verify,
    /// Makes all files anew. Searches read lines meanwhile.
    Rebuild,
}

/// The search index as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexState {
    /// Number of days of domains that wait for the index.
    pub waiting_days: u64,
    /// Number of those whose last attempt failed.
    pub failing_days: u64,
    /// Seconds for which the first of them has waited.
    pub waiting_seconds: u64,
    /// What an operator had done last since the server started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub care: Option<IndexCare>,
}

/// What an operator had done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexCare {
    /// What it is.
    pub care: IndexCareKind,
    /// Whether it still goes on.
    pub is_running: bool,
    /// Why it could not be completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Number of sound files that were read.
    pub files: u64,
    /// Their bytes.
    pub size_bytes: u64,
    /// Number of events in them.
    pub events: u64,
    /// The damaged files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedIndexFile>,
}

/// A file of the index that does not answer searches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DamagedIndexFile {
    /// Its path below the data directory.
    pub path: String,
    /// The fault.
    pub what: String,
}
