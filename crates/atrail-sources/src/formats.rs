//! The audit formats: one file each below `formats/`, one row each in [`FORMATS`].
//!
//! The table decides which names `type=` accepts, how the server and the command line name a format, in which order
//! [`SourceKind::Auto`] recognises formats, how an item of an input becomes an event, and which formats the
//! documentation lists. The splitter and the inspector read the table and name no format.
//!
//! # Adding a format
//! Most formats need no code: a format whose items are JSON objects is a mapping, a text below `mappings/`, whose
//! `README.md` says how to add one.
//!
//! A format of lines that are no objects is a mapping, too, of the objects that `formats/NAME.rs` makes of its items:
//! `csvlog.rs` and `auditd.rs`. Others need more:
//!
//! 1. Write `formats/NAME.rs` with a `pub(super) const FORMAT: Format`, based on [`Format::BLANK`]: its name, one line
//!    about it, its marks, and how its items become events. `kong.rs` shows a conversion, `oslo.rs` an envelope,
//!    `cadf.rs` a list. A conversion reads only the item's bytes: no clock and no random numbers, so that a repeated
//!    event is stored once.
//! 2. Add the module and the row below. Of two rows that recognise the same object, the upper one wins.
//! 3. Put inputs into `tests/fixtures/NAME/*.in`; some of them must have events and some refusals.
//!    `ATRAIL_WRITE_FIXTURES=1 cargo test -p atrail-sources --test it` writes the results beside them, and the list of
//!    formats into `docs/API.md`. Read both before you commit them.
//!
//! Three files that tests write also name every type; their tests fail until you write them anew: `docs/openapi.json`
//! (`ATRAIL_WRITE_OPENAPI=1 cargo test -p atrail-server --lib openapi`), and the snapshots of the help texts and of the
//! refusals of requests (`INSTA_UPDATE=always cargo test --test it -p atrail -p atrail-server -- help contract`).

mod auditd;
mod cadf;
mod csvlog;
mod kong;
mod lines;
mod mapped;
mod oslo;
mod search;
mod table;

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::Reason;
use crate::mapping::Mapping;

pub(crate) use cadf::repair;
pub(crate) use lines::{Items, Lines, Part, Role};
pub(crate) use mapped::row;
pub(crate) use search::NameSet;
pub(crate) use table::RowNames;
pub use table::{FORMATS, Table};

/// An audit format. Two formats are equal when their names are.
///
/// [`SourceKind::Auto`]: crate::SourceKind::Auto
#[derive(Debug, Clone)]
pub struct Format {
    /// Its name in requests, answers and counts, in lowercase.
    pub name: &'static str,
    /// The type that a sender names for it: its own name or, for a format that wraps events of another one, the other's
    /// name.
    pub kind: &'static str,
    /// Other names that `type=` accepts for it, in lowercase.
    pub aliases: &'static [&'static str],
    /// The media types, in lowercase, of a body with its events. They count where a request names no type.
    pub media_types: &'static [&'static str],
    /// A description in a few words.
    pub about: &'static str,
    /// The features that identify it, in Markdown.
    pub marks: &'static str,
    /// For the first row: reports whether an object is in the format for sure, so that no other row is asked. It must be
    /// far faster than that.
    pub(crate) certain: Option<fn(&[u8]) -> bool>,
    /// How an object is recognised, where the text around it does not state its format.
    pub(crate) object: Option<Recognition>,
    /// For a format whose items are lines, JSON or not, or several lines each: how they are found. (A format may have
    /// items that are objects, too; an input has one kind of them.)
    pub(crate) lines: Option<Lines>,
    /// The objects that it puts around its events.
    pub(crate) wrappings: &'static [Wrapping],
    /// Whether its objects are what a carrier wrote around payloads: a payload that is an event of another format counts
    /// in their place.
    pub(crate) carries: bool,
    /// How an item becomes an event.
    pub(crate) reading: Reading,
}

/// How an object of a format is recognised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recognition {
    /// An object without a member of this name, at any depth, is not in the format. A search for the name is far faster
    /// than `detect`, and rules out most objects.
    pub(crate) telling: Name,
    /// Reports whether a JSON object that contains such a name is in the format.
    pub(crate) detect: fn(&[u8]) -> bool,
}

/// An object that is not an event, but has one or several in one of its members.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wrapping {
    /// The member.
    pub(crate) member: Name,
    /// The content of the member.
    pub(crate) holds: Holds,
    /// An object that has a member of this name is an event itself, whatever else it has.
    pub(crate) unless: Name,
}

/// The content of a wrapping's member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// An object, which is the event, of the format that [`Format::kind`] names.
    Event,
    /// An array of events, and of other values that may contain events.
    Events,
}

/// How an item of an input becomes an event. Each function depends only on the item's bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reading {
    /// It is CADF, and stays unchanged.
    AsItStands,
    /// It wraps CADF, and more than a search is needed to find it; the function returns the wrapped event unchanged.
    Unwrapped(fn(&[u8]) -> Result<Vec<u8>, Reason>),
    /// The function returns the event as CADF.
    Converted(fn(&[u8]) -> Result<Vec<u8>, Reason>),
    /// The mapping returns the event as CADF.
    Mapped(&'static Mapping),
}

/// A member's name in JSON's form, quotes included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(&'static str);

impl Name {
    /// Creates a name from its quoted form, which has no escapes.
    pub(crate) const fn quoted(quoted: &'static str) -> Self {
        Self(quoted)
    }

    /// Returns the bytes to search in a text.
    pub(crate) const fn in_quotes(self) -> &'static [u8] {
        self.0.as_bytes()
    }

    /// Returns the name itself.
    pub(crate) fn bare(self) -> &'static str {
        self.0.trim_matches('"')
    }
}

impl Format {
    /// The base of every row, with defaults for optional fields: it is not a row itself.
    pub(crate) const BLANK: Self = Self {
        name: "",
        kind: "",
        aliases: &[],
        media_types: &[],
        about: "",
        marks: "",
        certain: None,
        object: None,
        lines: None,
        wrappings: &[],
        carries: false,
        reading: Reading::AsItStands,
    };

    /// Reports whether `type=` accepts its name. A format that wraps events of another one goes by the other's name.
    #[must_use]
    pub fn is_kind(&self) -> bool {
        self.kind == self.name
    }

    /// Returns the mapping by which its items become events.
    pub(crate) const fn mapping(&self) -> Option<&'static Mapping> {
        match self.reading {
            Reading::Mapped(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// Reports whether its events are stored unchanged.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        matches!(self.reading, Reading::AsItStands)
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl Hash for Format {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_what_it_is() {
        for row in FORMATS.iter() {
            for text in [row.name, row.kind, row.about, row.marks] {
                assert!(!text.is_empty(), "{row:?}");
            }
        }
    }

    #[test]
    fn no_name_has_two_meanings() {
        let mut names = vec!["auto"];
        for row in FORMATS.iter() {
            names.push(row.name);
            names.extend(row.aliases);
        }
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        for (index, name) in names.iter().enumerate() {
            assert!(name.bytes().all(is_plain), "{name}");
            assert!(!names[..index].contains(name), "{name} is there twice");
        }
        let media_types: Vec<_> = FORMATS.iter().flat_map(|row| row.media_types).collect();
        for (index, media_type) in media_types.iter().enumerate() {
            assert_eq!(media_type.to_lowercase(), **media_type);
            assert!(!media_types[..index].contains(media_type), "{media_type}");
        }
    }

    #[test]
    fn every_kind_is_a_row_that_is_its_own_kind() {
        for row in FORMATS.iter() {
            let kind = FORMATS.iter().find(|kind| kind.name == row.kind);
            assert!(kind.is_some_and(Format::is_kind), "{row}");
        }
    }

    #[test]
    fn the_first_row_is_for_what_no_row_recognises() {
        assert!(FORMATS[0].is_plain() && FORMATS[0].object.is_none() && FORMATS[0].lines.is_none());
        for row in &FORMATS[1..] {
            let is_mapped = row
                .mapping()
                .is_some_and(|mapping| mapping.telling().next().is_some());
            let is_found = row.object.is_some() || row.lines.is_some() || !row.wrappings.is_empty();
            let is_generic = row.name == "generic";
            assert!(
                is_found || is_mapped || is_generic,
                "auto would never find {row}"
            );
        }
    }
}
