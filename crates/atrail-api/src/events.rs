//! Sending events, and asking what is there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One row of `GET /v3/events`: what a day holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DaySummary {
    /// `YYYY-MM-DD`, UTC.
    pub date: String,
    /// Number of events.
    pub count: u64,
    /// Bytes of the events' JSON text.
    pub size: u64,
    /// What kinds of event there are.
    pub types: Vec<String>,
    /// `All`, `Some` or `None`.
    pub searchable: String,
}

/// Which events: query or body of `GET` and `DELETE /v3/events`. All optional with `GET`; with `DELETE`, `start` and `end`
/// are needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
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
    /// With `DELETE`: count what would go, delete nothing.
    #[serde(rename = "DryRun", default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// The query of `POST /v3/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct IngestQuery {
    /// Into the account domain in place of the targeted space.
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
    /// The format of the events; `auto` (default) recognises each by itself.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// One element of the answer of `POST /v3/events`, in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AckOrRefusal {
    /// The event is durable.
    Ack {
        /// The event's `id`: its own, or the one that was added.
        id: String,
        /// Base64 of its leaf hash (RFC 6962 §2.1).
        value: String,
        /// What it was taken for and converted from, such as `kong`; left out when it was CADF as it came.
        #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    },
    /// The event was not kept.
    Refusal {
        /// Position of the event in the request, from 0.
        index: u64,
        /// Line of the request body that the event begins on, from 1.
        line: u64,
        /// What is wrong with it.
        error: String,
        /// How many lines after it were passed over, because nothing tells what they are; left out when none were.
        #[serde(default, skip_serializing_if = "is_zero")]
        not_read: u64,
    },
}

/// The answer of `POST /v3/events` with `Prefer: return=minimal` (RFC 7240 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IngestCounts {
    /// Events kept, duplicates included.
    pub accepted: u64,
    /// Events among them that were there already, byte for byte, and are not stored again.
    #[serde(default)]
    pub duplicates: u64,
    /// Events refused.
    pub refused: u64,
    /// Lines of the body that are part of no event that was kept or refused: they were passed over after a broken place.
    #[serde(default)]
    pub not_read: u64,
    /// What the events kept were taken for; left out when all were CADF as they came.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}
