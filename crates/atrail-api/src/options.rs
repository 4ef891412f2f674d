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

/// How the server's clock stands to the time that it knows to have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClockState {
    /// They agree, within an hour: retention deletes what is due.
    Agrees,
    /// The clock is ahead: what is due only by it waits.
    Ahead,
    /// The clock is behind: retention goes by the clock.
    Behind,
}

/// The answer of `/v3/retention`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionState {
    /// What the server's clock says, RFC 3339 in UTC.
    pub clock: String,
    /// The date up to which the server knows time to have passed: retention deletes nothing that is due later.
    pub passed: String,
    /// How the two stand.
    pub state: ClockState,
    /// By how many seconds they are apart; 0 while they agree.
    pub seconds: u64,
    /// What is wrong and what to do, for a person; left out while they agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
