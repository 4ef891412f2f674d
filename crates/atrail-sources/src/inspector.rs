//! Classifies a whole JSON object, by the table of formats: an event, a list of events, or an envelope around one.

use std::ops::Range;

use memchr::memmem::Finder;

use crate::SourceKind;
use crate::formats::{Format, Holds, Name, Recognition, Wrapping};
use crate::members::members;

/// The number of bytes of an input's first line that are inspected.
const HEAD_MAX_BYTES: usize = 4096;

/// The class of an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An event, or something that is refused as one later.
    Event(&'static Format),
    /// An object around an event of this format, which is in this range.
    Envelope(&'static Format, Range<usize>),
    /// An object around a list of events.
    List,
}

/// Classifies objects. Most are plain events: one search for each name that would make them something else shows that.
#[derive(Debug)]
pub(crate) struct Inspector {
    /// The format of an object that no row recognises.
    object: &'static Format,
    /// The format of a text that is not a whole object; the text is refused as one of its items.
    other: &'static Format,
    /// The format whose items are the lines of the input.
    line: Option<&'static Format>,
    /// Formats whose items are lines, as long as the input may be in one of them.
    lines: Vec<&'static Format>,
    recognised: Vec<Recognised>,
    wrapped: Vec<Wrapped>,
    /// The table's lists, including those that the input's type excludes: a value that is larger than any event can
    /// only be a list.
    lists: Vec<Wrapping>,
    /// The texts between two consecutive objects.
    glued: [Finder<'static>; 3],
}

/// A format whose objects can be recognised.
#[derive(Debug)]
struct Recognised {
    format: &'static Format,
    telling: Finder<'static>,
    detect: fn(&[u8]) -> bool,
}

/// A wrapping, and the format of an event in it.
#[derive(Debug)]
struct Wrapped {
    format: &'static Format,
    wrapping: Wrapping,
    member: Finder<'static>,
}

impl Inspector {
    /// Creates the inspector of an input of this type. The table's first row is for objects that no row recognises.
    pub(crate) fn new(table: &'static [Format], kind: SourceKind) -> Self {
        let first = &table[0];
        let object = match kind {
            SourceKind::Auto => first,
            SourceKind::Of(format) => format,
        };
        let rows = || {
            table.iter().filter(|row| match kind {
                SourceKind::Auto => true,
                SourceKind::Of(format) => row.kind == format.name,
            })
        };
        let recognised = rows().filter(|row| **row != *object).filter_map(|format| {
            let Recognition { telling, detect } = format.object?;
            Some(Recognised {
                format,
                telling: finder(telling),
                detect,
            })
        });
        let wrapped = rows().flat_map(|row| {
            let format = table.iter().find(|format| format.name == row.kind);
            row.wrappings.iter().map(move |wrapping| Wrapped {
                format: format.unwrap_or(first),
                wrapping: *wrapping,
                member: finder(wrapping.member),
            })
        });
        Self {
            object,
            other: first,
            line: (object.line.is_some()).then_some(object),
            lines: rows().filter(|row| row.line.is_some()).collect(),
            recognised: recognised.collect(),
            wrapped: wrapped.collect(),
            lists: (table.iter().flat_map(|row| row.wrappings))
                .filter(|wrapping| wrapping.holds == Holds::Events)
                .copied()
                .collect(),
            glued: [b"}{", b"} ", b"}\t"].map(Finder::new),
        }
    }

    /// Checks the beginning of an input for a format whose items are lines; reports whether `head` suffices for that.
    pub(crate) fn look_at_head(&mut self, head: &[u8], last: bool) -> bool {
        if self.line.is_some() || self.lines.is_empty() {
            return true;
        }
        let is_enough = last || head.len() >= HEAD_MAX_BYTES;
        let head = head[..head.len().min(HEAD_MAX_BYTES)].trim_ascii_start();
        let end = memchr::memchr(b'\n', head);
        if end.is_none() && !is_enough {
            return false;
        }
        let first = head[..end.unwrap_or(head.len())].trim_ascii_end();
        let mut lines = self.lines.iter().copied();
        self.line = lines.find(|row| row.line.is_some_and(|is_item| is_item(first)));
        true
    }

    /// Returns the format whose items are the lines of the input, whatever they contain.
    pub(crate) const fn line(&self) -> Option<&'static Format> {
        self.line
    }

    /// Classifies an object. It searches for names in their usual spelling, without escapes.
    ///
    /// An object that is not JSON can still be a list whose first elements are valid; it is not an envelope, because
    /// half an envelope proves nothing.
    pub(crate) fn shape(&self, text: &[u8]) -> Shape {
        let is_one = |row: &&Recognised| row.telling.find(text).is_some() && (row.detect)(text);
        if let Some(row) = self.recognised.iter().find(is_one) {
            return Shape::Event(row.format);
        }
        for row in &self.wrapped {
            if row.member.find(text).is_some()
                && let Some(shape) = row.shape(text)
            {
                return shape;
            }
        }
        Shape::Event(self.object)
    }

    /// Returns the format of a text that is not a whole object, and that is passed on to be refused.
    pub(crate) const fn other(&self) -> &'static Format {
        self.other
    }

    /// Reports whether an object whose end is unknown may still be a list: it contains the name of a list's member.
    pub(crate) fn may_be_list(&self, text: &[u8]) -> bool {
        let mut lists = (self.wrapped.iter()).filter(|row| row.wrapping.holds == Holds::Events);
        lists.any(|row| row.member.find(text).is_some())
    }

    /// Reports whether a member's name, quotes included, is that of a list of events.
    pub(crate) fn names_events(&self, name: &[u8]) -> bool {
        let mut lists = self.lists.iter();
        lists.any(|list| list.member.in_quotes() == name)
    }

    /// Reports whether a member's name, quotes included, makes an object an event that could otherwise be a list.
    pub(crate) fn names_event(&self, name: &[u8]) -> bool {
        let mut lists = self.lists.iter();
        lists.any(|list| list.unless.in_quotes() == name)
    }

    /// Reports whether a line may have more than one object: a closing brace is followed by a byte that may precede
    /// another object.
    pub(crate) fn may_be_glued(&self, line: &[u8]) -> bool {
        self.glued.iter().any(|braces| braces.find(line).is_some())
    }
}

impl Wrapped {
    /// Returns the class of an object that contains the member's name, if the object is such a wrapping.
    fn shape(&self, text: &[u8]) -> Option<Shape> {
        let Wrapping {
            member,
            holds,
            unless,
        } = self.wrapping;
        match (holds, members(text, [unless.bare(), member.bare()])) {
            (Holds::Events, Ok([None, Some(list)])) if list.starts_with('[') => Some(Shape::List),
            (Holds::Events, Err(_)) => Some(Shape::List),
            (Holds::Event, Ok([None, Some(event)])) if event.starts_with('{') => {
                Some(Shape::Envelope(self.format, range_in(text, event)))
            }
            _ => None,
        }
    }
}

fn finder(name: Name) -> Finder<'static> {
    Finder::new(name.in_quotes())
}

/// Returns the range of a part that is borrowed from a text.
fn range_in(text: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}
