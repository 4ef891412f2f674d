//! One file per command; each defines its arguments, its calls and its output.

pub(crate) mod admin;
pub(crate) mod completions;
pub(crate) mod config;
mod consent;
pub(crate) mod console;
pub(crate) mod context;
pub(crate) mod delete;
pub(crate) mod download;
mod evidence_text;
pub(crate) mod healthcheck;
pub(crate) mod hold;
pub(crate) mod iam;
pub(crate) mod import;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod option;
pub(crate) mod passwd;
pub(crate) mod plugin;
pub(crate) mod prove;
#[cfg(feature = "server")]
pub(crate) mod quickstart;
pub(crate) mod search;
mod secret;
#[cfg(feature = "server")]
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod sources;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod target;
#[cfg(feature = "server")]
mod throwaway;
pub(crate) mod token;
pub(crate) mod trail;
pub(crate) mod verify;

use atrail_model::SessionId;

use crate::error::{CliError, Result};

/// Parses the session's id that the server sent as a string.
fn checked_id(id: &str) -> Result<SessionId> {
    id.parse().map_err(|error: atrail_model::ParseIdError| {
        CliError::failed("the server's session id cannot be used").because(error)
    })
}
