//! What a whole JSON object is: an event, a list of events, or an envelope around one.

use std::fmt;
use std::ops::Range;

use memchr::memmem::Finder;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Format, SourceKind};

/// The member that makes an object a CADF log or a list answer.
pub(crate) const EVENTS_NAME: &[u8] = b"\"events\"";

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
}

impl Inspector {
    pub(crate) fn new(kind: SourceKind) -> Self {
        Self {
            kind,
            payload: Finder::new(b"\"payload\""),
            events: Finder::new(EVENTS_NAME),
        }
    }

    /// What the object is. Names are looked for as they are spelled everywhere, without escapes.
    ///
    /// An object with an `eventTime` is an event whatever else it has. One that is not JSON can still be a list whose
    /// first elements are good; it is not an envelope, since half an envelope vouches for nothing.
    pub(crate) fn shape(&self, text: &[u8]) -> Shape {
        let event = match self.kind {
            SourceKind::Kong => return Shape::Event(Format::Kong),
            SourceKind::Auto | SourceKind::Cadf => Shape::Event(Format::Cadf),
        };
        let may_be_list = self.events.find(text).is_some();
        if !may_be_list && self.payload.find(text).is_none() {
            return event;
        }
        match Telling::parse(text) {
            Ok(telling) if telling.has_event_time => event,
            Ok(Telling {
                has_events: true, ..
            }) => Shape::List,
            Ok(telling) => telling
                .payload
                .map_or(event, |payload| Shape::Envelope(range_in(text, payload))),
            Err(_) if may_be_list => Shape::List,
            Err(_) => event,
        }
    }
}

/// Where a part borrowed from a text lies in it.
fn range_in(text: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

/// The members that tell what an object is.
#[derive(Default)]
struct Telling<'a> {
    has_event_time: bool,
    has_events: bool,
    payload: Option<&'a str>,
}

impl<'a> Telling<'a> {
    fn parse(text: &'a [u8]) -> serde_json::Result<Self> {
        let mut parser = serde_json::Deserializer::from_slice(text);
        let telling = parser.deserialize_map(TellingVisitor)?;
        parser.end()?;
        Ok(telling)
    }
}

struct TellingVisitor;

impl<'de> Visitor<'de> for TellingVisitor {
    type Value = Telling<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut telling = Telling::default();
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match &*name {
                "eventTime" => {
                    telling.has_event_time = true;
                    map.next_value::<IgnoredAny>()?;
                }
                "events" => {
                    let value = map.next_value::<&RawValue>()?.get();
                    telling.has_events |= value.starts_with('[');
                }
                "payload" => {
                    let value = map.next_value::<&RawValue>()?.get();
                    telling.payload = value.starts_with('{').then_some(value);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(telling)
    }
}
