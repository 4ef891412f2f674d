//! Legal holds.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The body of `POST` and `DELETE /v3/holds`. `GET` accepts the second member alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// The reason for the hold; required to set one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether to address the whole account instead of the targeted space.
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
}

/// One row of the answers of `/v3/holds`: a hold on one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct HoldRow {
    /// GUID of the space, or of the account for the account's own domain.
    pub space: String,
    /// The level at which the hold was set: `space` or `account`.
    pub level: String,
    /// The reason, in the words of the user who set the hold.
    pub reason: String,
    /// The name of the user who set the hold.
    pub actor: String,
    /// When the hold was set: RFC 3339, UTC.
    pub since: String,
}
