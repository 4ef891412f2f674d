//! Retention.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The body of `PUT /v3/options`. `GET` accepts the second member alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct OptionsRequest {
    /// Days to keep events; -1 keeps them for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<i64>,
    /// Whether to address every space of the account, and the account's own domain.
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
    /// GUID of the space, or of the account for the account's own domain.
    pub space: String,
    /// Days to keep events; -1 keeps them for ever.
    pub retention: i64,
}

/// How the server's clock compares with the time that the server knows has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClockState {
    /// The two agree within an hour: retention deletes events when they are due.
    Agrees,
    /// The clock is ahead: retention does not delete events that are due only by the clock.
    Ahead,
    /// The clock is behind: retention follows the clock.
    Behind,
}

/// The answer of `/v3/retention`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionState {
    /// The time of the server's clock, RFC 3339 in UTC.
    pub clock: String,
    /// The time up to which the server knows that time has passed: retention deletes nothing that is due later.
    pub passed: String,
    /// How the two compare.
    pub state: ClockState,
    /// The difference in seconds; 0 while they agree.
    pub seconds: u64,
    /// What is wrong and what to do, in words for people; absent while they agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
