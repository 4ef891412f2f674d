//! What a whole JSON object is: an event, a list of events, or an envelope around one.

use std::ops::Range;

use memchr::memmem::Finder;

use crate::format::CONVERSIONS;
use crate::members::members;
use crate::{Format, SourceKind};

/// The member that makes an object a CADF log or a list answer.
pub(crate) const EVENTS_NAME: &[u8] = b"\"events\"";

/// The member that makes an object an event.
pub(crate) const EVENT_TIME_NAME: &[u8] = b"\"eventTime\"";

/// What an object is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An event, or something that has yet to be refused as one.
    Event(Format),
    /// An oslo.messaging notification; the event is its `payload`, here.
    Envelope(Range<usize>),
    /// Its `events` are what counts.
    List,
}

/// Looks into objects. Most are plain events, which one search for each telling member's name shows.
#[derive(Debug)]
pub(crate) struct Inspector {
    kind: SourceKind,
    payload: Finder<'static>,
    events: Finder<'static>,
    /// For each row of [`CONVERSIONS`].
    converted: Vec<Finder<'static>>,
    /// What may be one object after the other.
    glued: [Finder<'static>; 3],
}

impl Inspector {
    pub(crate) fn new(kind: SourceKind) -> Self {
        Self {
            kind,
            payload: Finder::new(b"\"payload\""),
            events: Finder::new(EVENTS_NAME),
            converted: CONVERSIONS
                .iter()
                .map(|conversion| Finder::new(conversion.telling))
                .collect(),
            glued: [b"}{", b"} ", b"}\t"].map(Finder::new),
        }
    }

    /// What the object is. Names are looked for as they are spelled everywhere, without escapes.
    ///
    /// An object with an `eventTime` is an event whatever else it has. One that is not JSON can still be a list whose
    /// first elements are good; it is not an envelope, since half an envelope vouches for nothing.
    pub(crate) fn shape(&self, text: &[u8]) -> Shape {
        if self.kind == SourceKind::Kong {
            return Shape::Event(Format::Kong);
        }
        if let Some(format) = self.detect(text) {
            return Shape::Event(format);
        }
        let event = Shape::Event(Format::Cadf);
        let may_be_list = self.events.find(text).is_some();
        if !may_be_list && self.payload.find(text).is_none() {
            return event;
        }
        match members(text, ["eventTime", "events", "payload"]) {
            Ok([Some(_), ..]) => event,
            Ok([None, Some(events), _]) if events.starts_with('[') => Shape::List,
            Ok([None, _, Some(payload)]) if payload.starts_with('{') => {
                Shape::Envelope(range_in(text, payload))
            }
            Ok(_) => event,
            Err(_) if may_be_list => Shape::List,
            Err(_) => event,
        }
    }

    /// Whether an object whose end is not known may still be a list: it names `events`.
    pub(crate) fn may_be_list(&self, text: &[u8]) -> bool {
        self.kind != SourceKind::Kong && self.events.find(text).is_some()
    }

    /// Whether a line may hold more than one object: something stands behind a closing brace that may come before the next.
    pub(crate) fn may_be_glued(&self, line: &[u8]) -> bool {
        self.glued.iter().any(|braces| braces.find(line).is_some())
    }

    /// The other format that the event is in, of those that may be.
    fn detect(&self, text: &[u8]) -> Option<Format> {
        let candidates = CONVERSIONS.iter().zip(&self.converted);
        candidates
            .filter(|(conversion, _)| self.kind == SourceKind::Auto || conversion.wraps_cadf)
            .filter(|(_, telling)| telling.find(text).is_some())
            .find(|(conversion, _)| (conversion.detect)(text))
            .map(|(conversion, _)| conversion.format)
    }
}

/// Where a part borrowed from a text lies in it.
fn range_in(text: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}
