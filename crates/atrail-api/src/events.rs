//! Sending and counting events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One row of `GET /v3/events`: the events of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DaySummary {
    /// `YYYY-MM-DD`, UTC.
    pub date: String,
    /// Number of events.
    pub count: u64,
    /// Bytes of the events' JSON text.
    pub size: u64,
    /// The kinds of events of the day.
    pub types: Vec<String>,
    /// How much of the day has a search index, which a search can do without: `All`, `Some` or `None`.
    pub searchable: String,
    /// GUID of the space, or of the account for the account's own domain; only with `By`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
}

/// Selects events: query or body of `GET` and `DELETE /v3/events`. `GET` requires no member; `DELETE` requires `start`
/// and `end`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
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
    /// With `DELETE`: count the events that would be deleted, and delete nothing.
    #[serde(rename = "DryRun", default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// With `GET` at account level: `space` counts the events of each space, and of the account's own domain, by
    /// themselves.
    #[serde(rename = "By", default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// The query of `POST /v3/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct IngestQuery {
    /// Whether to send to the account domain instead of the targeted space.
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
    /// The format of the events; `auto` (default) recognizes the format of each event.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// One element of the answer of `POST /v3/events`, in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AckOrRefusal {
    /// The event is durable.
    #[schema(title = "Ack")]
    Ack {
        /// The event's `id`: its own, or the one that the server added.
        id: String,
        /// Base64 of its leaf hash (RFC 6962 §2.1).
        value: String,
        /// The format that the server converted the event from, such as `kong`; absent when the event arrived as CADF.
        #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    },
    /// The server refused the event.
    #[schema(title = "Refusal")]
    Refusal {
        /// Position of the event in the request, from 0.
        index: u64,
        /// Line of the request body that the event begins on, from 1.
        line: u64,
        /// What is wrong with it.
        error: String,
        /// How many lines after it the server skipped, because it could not determine what they are; absent when it
        /// skipped none.
        #[serde(default, skip_serializing_if = "is_zero")]
        not_read: u64,
    },
}

/// The answer of `POST /v3/events` with `Prefer: return=minimal` (RFC 7240 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestCounts {
    /// Events kept, including duplicates.
    pub accepted: u64,
    /// Events among them that were already stored, byte for byte; the server does not store them again.
    #[serde(default)]
    pub duplicates: u64,
    /// Events refused.
    pub refused: u64,
    /// Lines of the body that belong to no kept or refused event: the server skipped them after a malformed value.
    #[serde(default)]
    pub not_read: u64,
    /// The number of kept events by the format that they arrived in; absent when all arrived as CADF.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}
