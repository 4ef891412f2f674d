//! One CADF audit event: what is accepted, and the line that is stored.
//!
//! The shape is that of DMTF DSP0262 (CADF), the Event entity, less what real producers leave out. The text itself is never
//! rewritten through a typed value: it is checked by a parse that borrows the few members needed and skips the rest.

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
    /// Its `id`: its own, or the one that was added.
    pub id: Cow<'a, str>,
    /// Whether the id was added here.
    pub id_added: bool,
    /// Its `eventTime`. A leap second stands at the last nanosecond of its hour.
    pub time: Timestamp,
    /// The UTC day of `time`.
    pub day: Day,
    /// The UTC hour of `time`.
    pub hour: Hour,
    /// The line to store: the text as received, but for a missing `id` and for line breaks between tokens. It holds
    /// neither CR nor LF.
    pub line: Cow<'a, [u8]>,
}

/// Why an event is refused. Text quoted from the event is short and escaped, so that it is safe to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The text is longer than [`EVENT_MAX_BYTES`].
    #[error("the event is {size_bytes} bytes long; at most {EVENT_MAX_BYTES} are accepted")]
    TooLarge {
        /// How long it is.
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
        /// What stands there instead.
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
        /// What the parser says.
        reason: String,
        /// What probably happened.
        hint: Option<&'static str>,
    },
    /// A needed member is not there.
    #[error("{member} is missing; a CADF event needs {needed}")]
    Missing {
        /// The member, or the alternatives.
        member: &'static str,
        /// All that an event needs.
        needed: &'static str,
    },
    /// A member has a value of the wrong kind.
    #[error("\"{member}\" is {found}; it must be {expected}")]
    WrongType {
        /// The member's name.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The `eventType` is none of CADF's three (DSP0262, the Event entity).
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
        /// What is wrong with it.
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
        /// The time here.
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
    /// For a [`Self::Syntax`] error, where in the event's text it is: line and column, both counted from 1.
    #[must_use]
    pub const fn position(&self) -> Option<(usize, usize)> {
        match self {
            Self::Syntax { line, column, .. } => Some((*line, *column)),
            _ => None,
        }
    }
}

/// Checks one event's JSON text and makes the line to store. `fresh_id` is called when the event has no `id`.
///
/// Of members that occur twice the last counts, as most readers of JSON have it (RFC 8259 §4). Only the needed members
/// are looked at: the rest must be JSON, and is otherwise nobody's business.
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

/// The time that an `eventTime` means, in any of the forms that [`admit`] takes; `None` for anything else. A leap second
/// stands at the last nanosecond of its hour.
#[must_use]
pub fn read_event_time(text: &str) -> Option<Timestamp> {
    time::parse(text.as_bytes()).ok()
}

/// What can be said of the text before it is parsed: its size, encoding, outermost kind and depth.
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
