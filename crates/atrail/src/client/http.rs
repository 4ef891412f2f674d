//! How connections are made.

use std::time::Duration;

use super::{Endpoint, READ_TIMEOUT};
use crate::error::{CliError, Result};

/// A connection pool for one server.
///
/// Redirects are not followed: a token must not travel to another server. A server on this machine is never asked through
/// a proxy.
pub(crate) fn build(endpoint: &Endpoint, skip_ssl_validation: bool) -> Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("atrail/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(READ_TIMEOUT)
        .tcp_nodelay(true);
    if skip_ssl_validation {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| CliError::failed("could not set up HTTP").because(error))
}
