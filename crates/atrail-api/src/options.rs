//! Retention.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The body of `PUT /v3/options`; of `GET`, the second member alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct OptionsRequest {
    /// Days to keep events; -1 keeps them for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<i64>,
    /// Every space of the account, and its own domain.
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
}

/// One row of the answers of `/v3/options`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OptionRow {
    /// GUID of the space; of the account, for its own domain.
    pub space: String,
    /// Days to keep events; -1 keeps them for ever.
    pub retention: i64,
}
