//! The queries of requests: hints on how to search, which change no answer, and nothing else.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Query;

/// What the query of a request may have.
///
/// There is one store and no shard, every index that is named must exist, and every answer is exact and complete: these
/// parameters choose among what does not occur here. Any other parameter is refused.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::routes) struct Hints {
    /// The fields that are listed.
    pub(in crate::routes) fields: Option<String>,
    #[serde(rename = "max_concurrent_shard_requests")]
    _max_concurrent_shard_requests: Option<IgnoredAny>,
    #[serde(rename = "max_concurrent_searches")]
    _max_concurrent_searches: Option<IgnoredAny>,
    #[serde(rename = "pre_filter_shard_size")]
    _pre_filter_shard_size: Option<IgnoredAny>,
    #[serde(rename = "batched_reduce_size")]
    _batched_reduce_size: Option<IgnoredAny>,
    #[serde(rename = "ccs_minimize_roundtrips")]
    _ccs_minimize_roundtrips: Option<IgnoredAny>,
    #[serde(rename = "ignore_unavailable")]
    _ignore_unavailable: Option<IgnoredAny>,
    #[serde(rename = "ignore_throttled")]
    _ignore_throttled: Option<IgnoredAny>,
    #[serde(rename = "allow_no_indices")]
    _allow_no_indices: Option<IgnoredAny>,
    #[serde(rename = "expand_wildcards")]
    _expand_wildcards: Option<IgnoredAny>,
    #[serde(rename = "include_unmapped")]
    _include_unmapped: Option<IgnoredAny>,
    #[serde(rename = "allow_partial_search_results")]
    _allow_partial_search_results: Option<IgnoredAny>,
    #[serde(rename = "request_cache")]
    _request_cache: Option<IgnoredAny>,
    #[serde(rename = "preference")]
    _preference: Option<IgnoredAny>,
    #[serde(rename = "search_type")]
    _search_type: Option<IgnoredAny>,
    #[serde(rename = "wait_for_status")]
    _wait_for_status: Option<IgnoredAny>,
    #[serde(rename = "pretty")]
    _pretty: Option<IgnoredAny>,
    #[serde(rename = "human")]
    _human: Option<IgnoredAny>,
    #[serde(rename = "error_trace")]
    _error_trace: Option<IgnoredAny>,
    /// JSON, always; ES|QL's parameter.
    #[serde(rename = "format")]
    _format: Option<IgnoredAny>,
}

impl FromRequestParts<Arc<App>> for Hints {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Query(hints) = Query::<Self>::from_request_parts(parts, app).await?;
        Ok(hints)
    }
}
