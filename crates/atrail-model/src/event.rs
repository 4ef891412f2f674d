//! One CADF audit event: what is accepted, and the line that is stored.

use std::borrow::Cow;

use crate::{Day, Hour, Timestamp};

/// An event that may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its `id`: its own, or the one that was added.
    pub id: Cow<'a, str>,
    /// Whether the id was added here.
    pub id_added: bool,
    /// Its `eventTime`.
    pub time: Timestamp,
    /// The UTC day of `time`.
    pub day: Day,
    /// The UTC hour of `time`.
    pub hour: Hour,
    /// The line to store: the text as received, but for a missing `id` and for line breaks between tokens.
    pub line: Cow<'a, [u8]>,
}

/// Why an event is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {}

/// Checks one event's JSON text and makes the line to store. `fresh_id` is called when the event has no `id`.
///
/// # Errors
/// When the text is not an event; the message says what is wrong and what would be right.
pub fn admit<'a>(
    text: &'a [u8],
    now: Timestamp,
    fresh_id: impl FnOnce() -> String,
) -> Result<Event<'a>, EventError> {
    let _ = (text, now, fresh_id());
    unimplemented!()
}
