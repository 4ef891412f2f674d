//! Why a request got no answer, and the error that the user sees.

use reqwest::StatusCode;

use super::answer::Unread;
use super::endpoint::Endpoint;
use super::tls;
use crate::error::{CliError, Exit};

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// The network failed; another attempt may succeed.
    Network(reqwest::Error),
    /// No further attempt would succeed.
    Fatal(CliError),
}

impl From<reqwest::Error> for Unsent {
    fn from(error: reqwest::Error) -> Self {
        Self::Network(error)
    }
}

impl From<CliError> for Unsent {
    fn from(error: CliError) -> Self {
        Self::Fatal(error)
    }
}

/// Returns whether the status asks the client to come back later.
pub(crate) fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// Converts the reason for an unread answer into the reason for a missing one.
pub(super) fn unread_error(endpoint: &Endpoint, error: Unread) -> Unsent {
    let what = format!("{endpoint} does not answer as an atrail server");
    match error {
        Unread::Network(error) => Unsent::Network(error),
        Unread::TooLarge(_) => CliError::failed(what)
            .because(error)
            .hint(
                "check the endpoint with `atrail target`; ask for fewer days where there are many",
            )
            .into(),
        Unread::TooSlow(..) => CliError::new(Exit::Unavailable, what)
            .because(error)
            .hint("check the endpoint with `atrail target`, and the network; then try again")
            .into(),
    }
}

/// Returns the error for a server that cannot be reached.
pub(crate) fn unreachable_error(endpoint: &Endpoint, error: &reqwest::Error) -> CliError {
    let what = format!("could not reach {endpoint}");
    let unreachable = CliError::new(Exit::Unavailable, what);
    if let Some(refused) = tls::explain(endpoint, error) {
        return unreachable.because(refused.why).hint(refused.hint);
    }
    if is_other_protocol(error) {
        let https = endpoint.with_scheme("https");
        let why = format!(
            "the server at {} speaks HTTPS: try {https}",
            endpoint.host()
        );
        return unreachable.because(why).hint(tls::CHECK_SCHEME);
    }
    unreachable
        .because(innermost(error))
        .hint("check the endpoint with `atrail target`, and that the server runs; then try again")
}

/// Explains why an exchange broke off, for a message that includes the reason.
pub(crate) fn why(endpoint: &Endpoint, error: &reqwest::Error) -> String {
    tls::explain(endpoint, error).map_or_else(|| crate::error::chain(error), |refused| refused.why)
}

/// Returns whether another attempt would fail the same way: neither a certificate nor a protocol changes in between.
pub(super) fn is_lasting(error: &reqwest::Error) -> bool {
    tls::is_lasting(error) || is_other_protocol(error)
}

/// Returns whether the answer to a request over http did not begin as HTTP does. A server that speaks HTTPS answers with
/// an alert of TLS. The library does not make this error's type public.
fn is_other_protocol(error: &reqwest::Error) -> bool {
    innermost(error) == "invalid HTTP version parsed"
}

/// Returns the innermost cause, which is the most precise: `Connection refused (os error 111)`.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
