//! Why there is no answer, and how it is told.

use reqwest::StatusCode;

use super::answer::Unread;
use super::endpoint::Endpoint;
use super::tls;
use crate::error::{CliError, Exit};

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// The network; another attempt may work.
    Network(reqwest::Error),
    /// Nothing that another attempt changes.
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

/// The server's way to say: later.
pub(crate) fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// Why an answer was not read to its end, as why there is none.
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

/// The error for a server that cannot be reached.
pub(crate) fn unreachable_error(endpoint: &Endpoint, error: &reqwest::Error) -> CliError {
    let what = format!("could not reach {endpoint}");
    let unreachable = CliError::new(Exit::Unavailable, what);
    if let Some(refused) = tls::explain(error) {
        return unreachable.because(refused.why).hint(refused.hint);
    }
    unreachable
        .because(innermost(error))
        .hint("check the endpoint with `atrail target`, and that the server runs; then try again")
}

/// Why an exchange broke off, in words, for a message that goes on by itself.
pub(crate) fn why(error: &reqwest::Error) -> String {
    tls::explain(error).map_or_else(|| crate::error::chain(error), |refused| refused.why)
}

/// The innermost cause says it best: `Connection refused (os error 111)`.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
