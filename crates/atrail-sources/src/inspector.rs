//! Classifies a whole JSON object, by the table of formats: an event, a list of events, or an envelope around one.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::SourceKind;
use crate::formats::{Format, Holds, NameSet, Recognition, RowNames, Table, Wrapping};
use crate::json::{Own, own_members};
use crate::members::members;
use crate::names::Names;

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

/// Classifies objects. Most are plain events: a look at their names, or one search for all names that would make them
/// something else, shows that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inspector {
    table: &'static Table,
    kind: SourceKind,
    /// The format of an object that no row recognises.
    object: &'static Format,
    /// The format of a text that is not a whole object; the text is refused as one of its items.
    other: &'static Format,
    /// The format whose items are lines of the input.
    line: Option<&'static Format>,
    /// Whether the input may still be in a format whose items are lines.
    may_be_lines: bool,
    /// The members that lists are in.
    lists: NameSet,
}

impl Inspector {
    /// Creates the inspector of an input of this type. The table's first row is for objects that no row recognises.
    pub(crate) fn new(table: &'static Table, kind: SourceKind) -> Self {
        let first = &table[0];
        let object = match kind {
            SourceKind::Auto => first,
            SourceKind::Of(format) => format,
        };
        let mut inspector = Self {
            table,
            kind,
            object,
            other: first,
            line: None,
            may_be_lines: false,
            lists: NameSet::default(),
        };
        inspector.may_be_lines = inspector.rows().any(|(row, _)| row.lines.is_some());
        let all = inspector
            .rows()
            .fold(NameSet::default(), |all, (row, names)| {
                let lists = row.wrappings.iter().zip(&names.members);
                let lists = lists.filter(|(wrapping, _)| wrapping.holds == Holds::Events);
                lists.fold(all, |all, (_, name)| all | *name)
            });
        inspector.lists = all;
        inspector
    }

    /// Returns the rows that the input's type includes.
    fn rows(&self) -> impl Iterator<Item = (&'static Format, &'static RowNames)> + use<> {
        let kind = self.kind;
        let rows = self.table.iter().zip(&self.table.search().1);
        rows.filter(move |(row, _)| match kind {
            SourceKind::Auto => true,
            SourceKind::Of(format) => row.kind == format.name,
        })
    }

    /// Checks the beginning of an input for a format whose items are lines; reports whether `head` suffices for that.
    pub(crate) fn look_at_head(&mut self, head: &[u8], last: bool) -> bool {
        if self.line.is_some() || !self.may_be_lines {
            return true;
        }
        if let SourceKind::Of(format) = self.kind
            && format.lines.is_some()
        {
            let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
            let is_json = format.mapping().is_some() && matches!(first, Some(b'{' | b'['));
            self.line = (!is_json).then_some(format);
            return last || first.is_some();
        }
        let is_enough = last || head.len() >= HEAD_MAX_BYTES;
        let head = head[..head.len().min(HEAD_MAX_BYTES)].trim_ascii_start();
        let end = memchr::memchr(b'\n', head);
        if end.is_none() && !is_enough {
            return false;
        }
        let first = head[..end.unwrap_or(head.len())].trim_ascii_end();
        self.line = self.of_line(first);
        true
    }

    /// Returns the format of which a line, or the first of several, is an item.
    pub(crate) fn of_line(&self, line: &[u8]) -> Option<&'static Format> {
        let mut rows = self.rows();
        let begins = |row: &Format| row.lines.is_some_and(|lines| (lines.begins)(line));
        rows.find(|(row, _)| begins(row)).map(|(row, _)| row)
    }

    /// Returns the format whose items are lines of the input, whatever these contain.
    pub(crate) const fn line(&self) -> Option<&'static Format> {
        self.line
    }

    /// Classifies an object. It searches for names in their usual spelling, without escapes; where the text cannot be read
    /// quickly, anywhere in it.
    ///
    /// An object that is not JSON can still be a list whose first elements are valid; it is not an envelope, because
    /// half an envelope proves nothing.
    pub(crate) fn shape(&self, text: &[u8]) -> Shape {
        self.inspect(text).0
    }

    /// The same, with the members of the object where they are known.
    pub(crate) fn inspect<'a>(&self, text: &'a [u8]) -> (Shape, Option<Own<'a>>) {
        if (self.object.certain).is_some_and(|is_certain| is_certain(text)) {
            return (Shape::Event(self.object), None);
        }
        let own = own_members(text);
        let search = &self.table.search().0;
        let found = match &own {
            Some(own) => search.among(own),
            None => search.find(text),
        };
        let shape = match found.is_empty() {
            true => Shape::Event(self.object),
            false => self.shape_with(found, text, own.as_ref()),
        };
        (shape, own)
    }

    /// Returns the class of an object with these names.
    fn shape_with(&self, found: NameSet, text: &[u8], own: Option<&Own<'_>>) -> Shape {
        let may_be = |(row, names): &(&'static Format, &RowNames)| {
            **row != *self.object && !(names.telling & found).is_empty()
        };
        let mut candidates = self.rows().filter(may_be);
        if let Some((row, _)) = candidates.find(|(row, _)| row.recognises(text, own)) {
            return Shape::Event(row);
        }
        let mut tried = NameSet::default();
        for (row, names) in self.rows() {
            for (wrapping, name) in row.wrappings.iter().zip(&names.members) {
                // Several formats come in lists of one name.
                let is_again = wrapping.holds == Holds::Events && !(tried & *name).is_empty();
                if (found & *name).is_empty() || is_again {
                    continue;
                }
                tried = tried | *name;
                if let Some(shape) = self.wrapped(row, wrapping, text) {
                    return shape;
                }
            }
        }
        Shape::Event(self.object)
    }

    /// Returns the class of an object that contains the name of a wrapping's member, if the object is such a wrapping.
    fn wrapped(&self, row: &'static Format, wrapping: &Wrapping, text: &[u8]) -> Option<Shape> {
        let Wrapping {
            member,
            holds,
            unless,
        } = wrapping;
        match (holds, members(text, [unless.bare(), member.bare()])) {
            (Holds::Events, Ok([None, Some(list)])) if list.starts_with('[') => Some(Shape::List),
            (Holds::Events, Err(_)) if row.mapping().is_none() => Some(Shape::List),
            (Holds::Events, Err(_)) => {
                let mut names = Names::of(text);
                let is_list = |(name, value): (&[u8], &[u8])| {
                    name == member.in_quotes() && value.starts_with(b"[")
                };
                names.any(is_list).then_some(Shape::List)
            }
            (Holds::Event, Ok([None, Some(event)])) if event.starts_with('{') => {
                let mut formats = self.table.iter();
                let format = formats.find(|format| format.name == row.kind);
                Some(Shape::Envelope(
                    format.unwrap_or(self.other),
                    range_in(text, event),
                ))
            }
            _ => None,
        }
    }

    /// Returns the format of a text that is not a whole object, and that is passed on to be refused.
    pub(crate) const fn other(&self) -> &'static Format {
        self.other
    }

    /// Reports whether an object whose end is unknown may still be a list: it contains the name of a list's member.
    pub(crate) fn may_be_list(&self, text: &[u8]) -> bool {
        !(self.table.search().0.find(text) & self.lists).is_empty()
    }

    /// Reports whether a member's name, quotes included, is that of a list of events. Those that the input's type
    /// excludes count: a value that is larger than any event can only be a list.
    pub(crate) fn names_events(&self, name: &[u8]) -> bool {
        self.all_lists().any(|list| list.member.in_quotes() == name)
    }

    /// Reports whether a member's name, quotes included, makes an object an event that could otherwise be a list.
    pub(crate) fn names_event(&self, name: &[u8]) -> bool {
        self.all_lists().any(|list| list.unless.in_quotes() == name)
    }

    fn all_lists(&self) -> impl Iterator<Item = &'static Wrapping> {
        let wrappings = self.table.iter().flat_map(|row| row.wrappings);
        wrappings.filter(|wrapping| wrapping.holds == Holds::Events)
    }

    /// Reports whether a line may have more than one object: a closing brace is followed by a byte that may precede
    /// another object.
    pub(crate) fn may_be_glued(&self, line: &[u8]) -> bool {
        GLUED.iter().any(|braces| braces.find(line).is_some())
    }
}

/// The texts between two consecutive objects.
static GLUED: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| [b"}{", b"} ", b"}\t"].map(Finder::new));

impl Format {
    /// Reports whether a JSON object with one of the telling names is in the format.
    fn recognises(&self, text: &[u8], own: Option<&Own<'_>>) -> bool {
        match (self.object, self.mapping()) {
            (Some(Recognition { detect, .. }), _) => detect(text),
            (None, Some(mapping)) => mapping.recognises(text, own),
            (None, None) => false,
        }
    }
}

/// Returns the range of a part that is borrowed from a text.
fn range_in(text: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}
