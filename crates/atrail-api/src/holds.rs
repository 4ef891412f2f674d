//! Legal holds.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The body of `POST` and `DELETE /v3/holds`; of `GET`, the second member alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// Why. Needed to set a hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The whole account in place of the targeted space.
    #[serde(
        rename = "AtAccountLevel",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub at_account_level: Option<bool>,
}

/// One row of the answers of `/v3/holds`: a hold as it stands on one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct HoldRow {
    /// GUID of the space; of the account, for its own domain.
    pub space: String,
    /// `space` or `account`: where it was set.
    pub level: String,
    /// Why, in the words of who set it.
    pub reason: String,
    /// The name of who set it.
    pub actor: String,
    /// When it was set: RFC 3339, UTC.
    pub since: String,
}
