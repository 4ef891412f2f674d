//! Converts the payloads of carriers: unwraps, recognises, and writes CADF.
//!
//! A carrier (a request of a foreign protocol, a log line, a file) yields payloads: a text each, and what the carrier
//! states beside it. [`Reader::read`] makes one event of one payload. It depends only on the payloads of the request,
//! on the table and on the settings of the reader, so that a request that is sent again yields the same bytes.

mod ids;
mod own;
mod unwrap;

use std::borrow::Cow;

use atrail_model::limits::EVENT_MAX_BYTES;
use atrail_model::{Timestamp, event};

use crate::inspector::{Inspector, Shape};
use crate::json::Own;
use crate::mapping::first_line;
use crate::origin::to_cadf;
use crate::{
    FORMATS, Format, Framing, MappingError, Origin, OwnMapping, ParseSourceKindError, Reason,
    SourceKind, Split, Table,
};
pub(crate) use ids::Ids;
use unwrap::inside;

/// How many layers may lie around an event.
const LAYERS_MAX: usize = 3;

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

/// Converts payloads, by the embedded formats and the operator's own. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    table: &'static Table,
}

impl Engine {
    /// Returns the engine with the embedded formats alone.
    #[must_use]
    pub fn embedded() -> Self {
        Self { table: &FORMATS }
    }

    /// Creates an engine that also has an operator's mappings. They are kept as long as the program runs, so that a
    /// program does this once.
    ///
    /// # Errors
    /// When a mapping cannot be used; the message names the place and the reason.
    pub fn with(own: &[OwnMapping]) -> Result<Self, MappingError> {
        if own.is_empty() {
            return Ok(Self::embedded());
        }
        own::table(own).map(|table| Self {
            table: Box::leak(Box::new(table)),
        })
    }

    /// Returns the formats: the embedded ones, then the operator's own, and last the one for anything.
    #[must_use]
    pub fn formats(&self) -> &'static [Format] {
        self.table
    }

    /// Returns every type that a sender can name.
    pub fn kinds(&self) -> impl Iterator<Item = SourceKind> + use<> {
        SourceKind::of_table(self.table)
    }

    /// Returns the type of a name in lowercase.
    ///
    /// # Errors
    /// When no type has the name; the message names those that there are.
    pub fn kind(&self, name: &str) -> Result<SourceKind, ParseSourceKindError> {
        SourceKind::named(self.table, name)
    }

    /// Returns the type of a body of this media type (without parameters, in any case), if the media type implies one.
    #[must_use]
    pub fn kind_of_media_type(&self, media_type: &str) -> Option<SourceKind> {
        SourceKind::with_media_type(self.table, media_type)
    }

    /// Creates the reader of one request.
    #[must_use]
    pub fn reader(&self, kind: SourceKind, strictness: Strictness) -> Reader {
        Reader::new(self.table, kind, strictness)
    }

    /// Splits a body in memory, as [`split`](crate::split()) does.
    #[must_use]
    pub fn split<'b>(&self, body: &'b [u8], kind: SourceKind, framing: Framing) -> Split<'b> {
        Split::new(self, body, kind, framing)
    }

    /// Creates an engine with another table.
    #[cfg(test)]
    pub(crate) const fn of_table(table: &'static Table) -> Self {
        Self { table }
    }

    /// Returns the engine's table.
    pub(crate) const fn table(&self) -> &'static Table {
        self.table
    }
}

/// Reads the payloads of one request, in order. It counts equal texts, so that each becomes an event of its own.
#[derive(Debug, Clone)]
pub struct Reader {
    table: &'static Table,
    inspector: Inspector,
    kind: SourceKind,
    strictness: Strictness,
    received: Timestamp,
    ids: Ids,
}

impl Reader {
    pub(crate) fn new(table: &'static Table, kind: SourceKind, strictness: Strictness) -> Self {
        Self {
            table,
            inspector: Inspector::new(table, kind),
            kind,
            strictness,
            received: Timestamp::UNIX_EPOCH,
            ids: Ids::default(),
        }
    }

    /// Sets the time of events for which neither the payload nor its hints state one that can be right: the time at
    /// which the request arrived. Without it, such an event is from 1970.
    #[must_use]
    pub const fn received_at(mut self, time: Timestamp) -> Self {
        self.received = time;
        self
    }

    /// Sets that time for the payloads that follow.
    pub const fn arrived_at(&mut self, time: Timestamp) {
        self.received = time;
    }

    /// Returns the memory that it takes to know equal texts, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.ids.size_bytes()
    }

    /// Sets whether it refuses payloads.
    #[must_use]
    pub const fn as_strict_as(mut self, strictness: Strictness) -> Self {
        self.strictness = strictness;
        self
    }

    /// Makes an event of a payload.
    ///
    /// # Errors
    /// For [`Strictness::Strict`], when the payload is not an event of the reader's type. For
    /// [`Strictness::Lenient`] never.
    pub fn read<'a>(&mut self, payload: &'a Payload<'_>) -> Result<Made<'a>, Reason> {
        self.read_text(&payload.text, &payload.hints)
    }

    fn read_text<'a>(&mut self, text: &'a [u8], hints: &Hints<'_>) -> Result<Made<'a>, Reason> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let text = text.trim_ascii();
        let generic = self.table.generic();
        if self.kind == SourceKind::Of(generic) {
            return self.converted(generic, text, None, hints, None);
        }
        let (event, format, own) = self.format_of(text);
        // What a carrier wrote around a payload is an event only if the payload is none.
        let is_around = format.carries && self.kind == SourceKind::Auto;
        let mut refusal = if is_around {
            None
        } else {
            match self.recognised_as(format, event, None, hints, own.as_ref()) {
                Ok(made) => return Ok(made),
                Err(refusal) => Some(refusal),
            }
        };
        let inspector = self.inspector;
        let inside =
            |text: &[u8]| inside(text, &|line| inspector.of_line(first_line(line)).is_some());
        let mut layers = vec![inside(text)];
        while let Some(texts) = layers.last_mut() {
            let Some(inner) = texts.next() else {
                layers.pop();
                continue;
            };
            if let Ok(made) = self.recognised(&inner, Some(text), hints) {
                return Ok(Made {
                    text: made.text.into_owned().into(),
                    origin: made.origin,
                });
            }
            if layers.len() < LAYERS_MAX {
                layers.push(inside(&inner));
            }
        }
        // The sender names the format, and may leave out what would show it.
        if let SourceKind::Of(format) = self.kind
            && format.mapping().is_some()
        {
            match self.converted(format, text, None, hints, own.as_ref()) {
                Ok(made) => return Ok(made),
                Err(reason) => refusal = Some(reason),
            }
        }
        let refusal = match refusal {
            Some(refusal) => refusal,
            None => match self.recognised_as(format, event, None, hints, own.as_ref()) {
                Ok(made) => return Ok(made),
                Err(refusal) => refusal,
            },
        };
        match self.strictness {
            Strictness::Strict => Err(refusal),
            Strictness::Lenient => self.converted(generic, text, None, hints, own.as_ref()),
        }
    }

    /// Returns the event that a text is, or that an envelope of its format holds, with its format and, where they are
    /// known, its members.
    fn format_of<'a>(&self, text: &'a [u8]) -> (&'a [u8], &'static Format, Option<Own<'a>>) {
        match (text.first(), self.kind) {
            (Some(b'{'), _) => match self.inspector.inspect(text) {
                (Shape::Event(format), own) => (text, format, own),
                (Shape::Envelope(format, range), _) => (&text[range], format, None),
                (Shape::List, own) => (text, self.inspector.other(), own),
            },
            (_, SourceKind::Of(format)) => (text, format, None),
            (_, SourceKind::Auto) => {
                let of_line = self.inspector.of_line(first_line(text));
                (text, of_line.unwrap_or(self.inspector.other()), None)
            }
        }
    }

    /// Returns the event that a text is, or that an envelope of its format holds, if the text shows that it is one.
    fn recognised<'a>(
        &mut self,
        text: &'a [u8],
        envelope: Option<&[u8]>,
        hints: &Hints<'_>,
    ) -> Result<Made<'a>, Reason> {
        let (text, format, own) = self.format_of(text);
        self.recognised_as(format, text, envelope, hints, own.as_ref())
    }

    /// The same, for a text of which the format is known.
    fn recognised_as<'a>(
        &mut self,
        format: &'static Format,
        text: &'a [u8],
        envelope: Option<&[u8]>,
        hints: &Hints<'_>,
        own: Option<&Own<'_>>,
    ) -> Result<Made<'a>, Reason> {
        if let (SourceKind::Of(_), Some(mapping)) = (self.kind, format.mapping())
            && !mapping.recognises(text, own)
        {
            return Err(mapping.not_recognised());
        }
        self.converted(format, text, envelope, hints, own)
    }

    /// Returns a text as an event of a format.
    fn converted<'a>(
        &mut self,
        format: &'static Format,
        text: &'a [u8],
        envelope: Option<&[u8]>,
        hints: &Hints<'_>,
        own: Option<&Own<'_>>,
    ) -> Result<Made<'a>, Reason> {
        let context = Context {
            hints,
            received: self.received,
            strictness: self.strictness,
            envelope,
            own,
        };
        let (event, origin) = to_cadf(format, text, context, &mut self.ids)?;
        // A mapping writes whole events.
        let text = match format.mapping() {
            Some(_) => event,
            None => self.admitted(event, format, hints)?,
        };
        Ok(Made { text, origin })
    }

    /// Returns a CADF event with an id; refuses any other text.
    fn admitted<'a>(
        &mut self,
        event: Cow<'a, [u8]>,
        format: &Format,
        hints: &Hints<'_>,
    ) -> Result<Cow<'a, [u8]>, Reason> {
        let id = || match &hints.id {
            Some(id) if !id.is_empty() => id.clone().into_owned(),
            _ => self.ids.of_text(format.name, &event, hints),
        };
        let now = match self.strictness {
            Strictness::Lenient if self.received > Timestamp::UNIX_EPOCH => self.received,
            _ => Timestamp::MAX,
        };
        let added = event::admit(&event, now, id)
            .map(|event| event.id_added.then(|| event.line.into_owned()))
            .map_err(|error| Reason::NotConverted {
                format: "CADF",
                problem: error.to_string(),
            })?;
        match added {
            // With its id it may have become too long.
            Some(line) if line.len() > EVENT_MAX_BYTES => Err(Reason::TooLarge),
            Some(line) => Ok(line.into()),
            None => Ok(event),
        }
    }

    /// Returns an item that the splitter found as an event.
    pub(crate) fn item<'a>(
        &mut self,
        format: &'static Format,
        text: &'a [u8],
    ) -> Result<(Cow<'a, [u8]>, Origin), Reason> {
        match self.strictness {
            Strictness::Strict => {
                let context = Context {
                    hints: &NO_HINTS,
                    received: self.received,
                    strictness: self.strictness,
                    envelope: None,
                    own: None,
                };
                to_cadf(format, text, context, &mut self.ids)
            }
            Strictness::Lenient => {
                let made = self.read_text(text, &NO_HINTS)?;
                Ok((made.text, made.origin))
            }
        }
    }
}

/// What an event may take from outside of its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) hints: &'a Hints<'a>,
    pub(crate) received: Timestamp,
    pub(crate) strictness: Strictness,
    /// The text in which it was found.
    pub(crate) envelope: Option<&'a [u8]>,
    /// The members of the text, where they are known.
    pub(crate) own: Option<&'a Own<'a>>,
}

static NO_HINTS: Hints<'static> = Hints {
    id: None,
    time: None,
    host: None,
    source: None,
};

#[cfg(test)]
mod tests;
