//! Syslog: messages in a stream or a datagram, in the form of RFC 5424 or of its predecessor, BSD syslog (RFC 3164).
//!
//! A message becomes one payload, a JSON object:
//! `{"syslog":5424,"facility":"authpriv","severity":"info","timestamp":"…","hostname":"…","app_name":"…","procid":"…",
//! "msgid":"…","structured_data":{"ID":{"NAME":"VALUE"}},"message":…}`. A message that is a JSON object, also after
//! `@cee:`, is an object there, and otherwise a text.

mod frames;
mod header;
mod message;
mod structured;

#[cfg(test)]
mod tests;

pub use frames::{Frames, FramingFault, MESSAGE_MAX_BYTES};
pub use message::{Message, Place};
