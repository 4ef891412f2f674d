//! Converts the payloads of carriers: unwraps, recognises, and writes CADF.
//!
//! A carrier (a request of a foreign protocol, a log line, a file) yields payloads: a text each, and what the carrier
//! states beside it. [`Reader::read`] makes one event of one payload. It depends only on the payloads of the request,
//! on the table and on the settings of the reader, so that a request that is sent again yields the same bytes.

mod generic;
mod ids;
mod known;
mod unwrap;

use std::borrow::Cow;

use atrail_model::Timestamp;

use crate::{Origin, Reason, SourceKind};
use ids::Ids;

/// What a carrier states about a payload beside its text. Each is used where the payload itself says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints<'a> {
    /// The carrier's id, which is unique for each event of its sender.
    pub id: Option<Cow<'a, str>>,
    /// When the event happened, by the carrier.
    pub time: Option<Timestamp>,
    /// The machine that the event is from.
    pub host: Option<Cow<'a, str>>,
    /// The program, file, index or stream that the event is from.
    pub source: Option<Cow<'a, str>>,
}

/// One payload of a carrier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload<'a> {
    /// Its text, of any length; mostly one JSON object.
    pub text: Cow<'a, [u8]>,
    /// What the carrier states beside it.
    pub hints: Hints<'a>,
}

/// Whether a reader refuses payloads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Strictness {
    /// It refuses none: the generic mapping converts what no format recognises and what is malformed.
    #[default]
    Lenient,
    /// It refuses a payload that is not an event of its type or, for [`SourceKind::Auto`], of a known format.
    Strict,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made<'a> {
    /// CADF with an id, never longer than [`EVENT_MAX_BYTES`](atrail_model::limits::EVENT_MAX_BYTES).
    pub text: Cow<'a, [u8]>,
    /// The source of its text.
    pub origin: Origin,
}

/// Converts payloads. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Engine(());

impl Engine {
    /// Returns the engine with the embedded formats alone.
    #[must_use]
    pub const fn embedded() -> Self {
        Self(())
    }

    /// Creates the reader of one request.
    #[must_use]
    pub fn reader(&self, kind: SourceKind, strictness: Strictness) -> Reader<'_> {
        Reader {
            _engine: self,
            kind,
            strictness,
            received: Timestamp::UNIX_EPOCH,
            ids: Ids::default(),
        }
    }
}

/// Reads the payloads of one request, in order. It counts equal texts, so that each becomes an event of its own.
#[derive(Debug)]
pub struct Reader<'e> {
    _engine: &'e Engine,
    kind: SourceKind,
    strictness: Strictness,
    received: Timestamp,
    ids: Ids,
}

impl Reader<'_> {
    /// Sets the time of events for which neither the payload nor its hints state one that can be right: the time at
    /// which the request arrived. Without it, such an event is from 1970.
    #[must_use]
    pub const fn received_at(mut self, time: Timestamp) -> Self {
        self.received = time;
        self
    }

    /// Makes an event of a payload.
    ///
    /// # Errors
    /// For [`Strictness::Strict`], when the payload is not an event of the reader's type. For
    /// [`Strictness::Lenient`] never.
    pub fn read<'a>(&mut self, payload: &'a Payload<'_>) -> Result<Made<'a>, Reason> {
        let context = Context {
            hints: &payload.hints,
            received: self.received,
        };
        let text = payload.text.trim_ascii();
        let known = known::read(text, self.kind, context, &mut self.ids);
        match known {
            Ok(made) => Ok(made),
            Err(reason) if self.strictness == Strictness::Strict => Err(reason),
            Err(_) => Ok(generic::read(text, context, &mut self.ids)),
        }
    }
}

/// What an event may take from outside of its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) hints: &'a Hints<'a>,
    pub(crate) received: Timestamp,
}

#[cfg(test)]
mod tests;
