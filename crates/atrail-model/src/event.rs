//! One CADF audit event: checks it, and builds the line to store.
//!
//! The shape is that of DMTF DSP0262 (CADF), the Event entity, without the members that real producers omit. The text
//! is never rewritten through a typed value: a parser borrows the few required members and skips the rest.

mod members;
mod syntax;
mod text;
mod time;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use jiff::SignedDuration;

use crate::clock::whole_seconds;
use crate::limits::{EVENT_MAX_BYTES, EVENT_TIME_MAX_AHEAD_SECS, JSON_MAX_DEPTH};
use crate::{Day, Hour, Timestamp};
use members::Members;
pub use syntax::hint;

/// An event that may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's `id`: its own, or the added one.
    pub id: Cow<'a, str>,
    /// Whether [`admit`] added the id.
    pub id_added: bool,
    /// The event's `eventTime`. A leap second becomes the last nanosecond of its hour.
    pub time: Timestamp,
    /// The UTC day of `time`.
    pub day: Day,
    /// The UTC hour of `time`.
    pub hour: Hour,
    /// The line to store: the received text, except for an added `id` and for removed line breaks between tokens. It
    /// holds neither CR nor LF.
    pub line: Cow<'a, [u8]>,
}

/// Why an event is refused. Text quoted from the event is short and escaped, so that it is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The text is longer than [`EVENT_MAX_BYTES`].
    #[error("the event is {size_bytes} bytes long; at most {EVENT_MAX_BYTES} are accepted")]
    TooLarge {
        /// Length of the text.
        size_bytes: usize,
    },
    /// The text is not UTF-8 (RFC 8259 §8.1).
    #[error("byte {offset} of the event is not UTF-8; JSON is sent as UTF-8")]
    NotUtf8 {
        /// The first offending byte, counted from 0.
        offset: usize,
    },
    /// The text is blank, or a JSON value of another kind.
    #[error("expected a CADF event, which is a JSON object, but found {found}")]
    NotAnObject {
        /// What was found instead.
        found: &'static str,
    },
    /// Objects and arrays are nested deeper than [`JSON_MAX_DEPTH`].
    #[error("objects and arrays are nested more than {JSON_MAX_DEPTH} deep")]
    TooDeep,
    /// The text is not JSON (RFC 8259).
    #[error("not JSON: {reason}, at line {line}, column {column} of the event{}", syntax::aside(*.hint))]
    Syntax {
        /// The line within the event's text, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
        /// The parser's message.
        reason: String,
        /// The probable mistake.
        hint: Option<&'static str>,
    },
    /// A required member is missing.
    #[error("{member} is missing; a CADF event needs {needed}")]
    Missing {
        /// The member, or the alternatives.
        member: &'static str,
        /// All that an event requires.
        needed: &'static str,
    },
    /// A member has a value of the wrong kind.
    #[error("\"{member}\" is {found}; it must be {expected}")]
    WrongType {
        /// The member's name.
        member: &'static str,
        /// The required kind.
        expected: &'static str,
        /// The kind found.
        found: &'static str,
    },
    /// The `eventType` is not one of CADF's three (DSP0262, the Event entity).
    #[error(
        "\"eventType\" is \"{found}\"; it must be activity, monitor or control, or be left out"
    )]
    EventType {
        /// The word found.
        found: String,
    },
    /// The `eventTime` cannot be read.
    #[error(
        "\"eventTime\" is \"{found}\": {reason}; expected a time such as 2017-10-19T19:07:50.32+0000"
    )]
    Time {
        /// The text found.
        found: String,
        /// The fault in the text.
        reason: &'static str,
    },
    /// The `eventTime` lies too far in the future.
    #[error(
        "\"eventTime\" is \"{found}\", more than {} hours ahead of the clock here ({now}); check the sender's clock and time zone",
        EVENT_TIME_MAX_AHEAD_SECS / 3600
    )]
    TooFarAhead {
        /// The text found.
        found: String,
        /// The current time here.
        now: Timestamp,
    },
    /// The `eventTime` lies after the last [`Day`].
    #[error(
        "\"eventTime\" is \"{found}\"; times after {} UTC are not accepted",
        Day::LAST
    )]
    TooLate {
        /// The text found.
        found: String,
    },
    /// The `eventTime` lies before the first [`Day`].
    #[error("\"eventTime\" is \"{found}\"; times before 1970-01-01 UTC are not accepted")]
    TooEarly {
        /// The text found.
        found: String,
    },
}

impl EventError {
    /// Returns the position of a [`Self::Syntax`] error in the event's text: line and column, both counted from 1.
    #[must_use]
    pub const fn position(&self) -> Option<(usize, usize)> {
        match self {
            Self::Syntax { line, column, .. } => Some((*line, *column)),
            _ => None,
        }
    }
}

/// Checks one event's JSON text and builds the line to store. It calls `fresh_id` when the event has no `id`.
///
/// Of duplicate members, the last counts, as for most readers of JSON (RFC 8259 §4). Only the required members are
/// interpreted: the rest must be valid JSON, and has no other constraint.
///
/// # Errors
/// When the text is not an event; the message says what is wrong and what would be right.
pub fn admit<'a>(
    text: &'a [u8],
    now: Timestamp,
    fresh_id: impl FnOnce() -> String,
) -> Result<Event<'a>, EventError> {
    let text = checked_text(text)?;
    let members = Members::parse(text)?;
    members.check()?;
    let (time, day, hour) = event_time(&members, now)?;

    let line = text::single_line(text);
    let (id, id_added, line) = match members.id()? {
        Some(id) => (id, false, line),
        None => {
            let id = fresh_id();
            let line = text::with_id(&line, &id);
            (Cow::Owned(id), true, Cow::Owned(line))
        }
    };
    Ok(Event {
        id,
        id_added,
        time,
        day,
        hour,
        line,
    })
}

/// Parses an `eventTime` in any of the forms that [`admit`] accepts; returns `None` for anything else. A leap second
/// becomes the last nanosecond of its hour.
#[must_use]
pub fn read_event_time(text: &str) -> Option<Timestamp> {
    time::parse(text.as_bytes()).ok()
}

/// Returns the time of a stored line; `None` when it is not one.
#[must_use]
pub fn time_of(line: &[u8]) -> Option<Timestamp> {
    let text = simdutf8::basic::from_utf8(line).ok()?;
    let members = Members::parse(text).ok()?;
    read_event_time(&members.event_time().ok()?)
}

/// Returns a JSON object as one line, as [`admit`] stores it: unchanged, or without whitespace between tokens when it
/// has line breaks. Returns `None` for anything else.
#[must_use]
pub fn one_line(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let text = simdutf8::basic::from_utf8(text::trim(text)).ok()?;
    Members::parse(text).ok()?;
    Some(text::single_line(text))
}

/// Checks the text as far as possible before parsing: its size, encoding, outermost kind and depth.
fn checked_text(text: &[u8]) -> Result<&str, EventError> {
    let text = text::trim(text);
    if text.len() > EVENT_MAX_BYTES {
        return Err(EventError::TooLarge {
            size_bytes: text.len(),
        });
    }
    let text = simdutf8::basic::from_utf8(text).map_err(|_| EventError::NotUtf8 {
        offset: std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len),
    })?;
    if text.as_bytes().first() != Some(&b'{') {
        return Err(syntax::not_an_object(text));
    }
    if text::is_deeper_than(text.as_bytes(), JSON_MAX_DEPTH) {
        return Err(EventError::TooDeep);
    }
    Ok(text)
}

fn event_time(members: &Members, now: Timestamp) -> Result<(Timestamp, Day, Hour), EventError> {
    let written = members.event_time()?;
    let found = || syntax::excerpt(&written);
    let time = time::parse(written.as_bytes()).map_err(|reason| EventError::Time {
        found: found(),
        reason,
    })?;
    if time.duration_since(now) > SignedDuration::from_secs(EVENT_TIME_MAX_AHEAD_SECS) {
        return Err(EventError::TooFarAhead {
            found: found(),
            now,
        });
    }
    let hour = u8::try_from(whole_seconds(time).rem_euclid(86_400) / 3600).ok();
    match (Day::of(time), hour.and_then(Hour::new)) {
        (Some(day), Some(hour)) => Ok((time, day, hour)),
        _ if time < Timestamp::UNIX_EPOCH => Err(EventError::TooEarly { found: found() }),
        _ => Err(EventError::TooLate { found: found() }),
    }
}
