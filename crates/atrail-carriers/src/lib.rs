//! Reads the requests of senders that speak another collector's protocol: which payloads a body carries, what the
//! protocol states beside each, and what the answer has to repeat.
//!
//! One file a protocol; all of them are pure functions of the body. [`atrail_sources::Engine`] makes an event of a
//! payload. A payload that no format recognises, or that is damaged, is returned like every other: a sender that is
//! refused an event mostly drops it.

mod json;
mod list;
mod wire;

pub mod bulk;
pub mod cloudevents;
pub mod github;
pub mod hec;
pub mod kubernetes;
pub mod okta;
pub mod otlp;
pub mod pangea;
pub mod percent;
pub mod retraced;
pub mod syslog;
pub mod workos;

use std::borrow::Cow;
use std::ops::ControlFlow;

use atrail_sources::Payload;

/// Receives the payloads of a body, in order, until it wants no more.
pub type Take<'t, 'a> = &'t mut dyn FnMut(Payload<'a>) -> ControlFlow<()>;

/// Returns a body that is one payload as the payload's text. Bytes that are not UTF-8 become U+FFFD, as in each protocol
/// of texts.
#[must_use]
pub fn whole(body: &[u8]) -> Cow<'_, [u8]> {
    match json::text(body) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// A body is not what its protocol needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The body has another form.
    #[error("{0}")]
    Malformed(String),
    /// The payloads would be many times as long as the body.
    #[error(
        "the events of the request are too long once each has what the request states once: send several requests"
    )]
    TooMuch,
}

impl Fault {
    fn json(error: &serde_json::Error) -> Self {
        Self::Malformed(format!(
            "the body is not the JSON of this protocol: {error}"
        ))
    }
}
