//! Authentication and authorisation.

pub(crate) mod access;
pub(crate) mod api_keys;
pub(crate) mod bearer;
pub(crate) mod browser;
pub(crate) mod indices;
pub(crate) mod login;
pub(crate) mod oidc;
pub(crate) mod only_account;
pub(crate) mod passwords;
pub(crate) mod permissions;
pub(crate) mod principal;
mod refusal;
pub(crate) mod secrets;
pub(crate) mod sent_keys;
pub(crate) mod signed;
mod signing;
pub(crate) mod standings;
pub(crate) mod throttle;
pub(crate) mod tokens;
pub(crate) mod watch;
