//! The types of events that a sender can name.

use std::fmt;
use std::str::FromStr;

use crate::formats::Table;
use crate::{FORMATS, Format};

/// The sender's statement about the events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// Recognised event by event.
    #[default]
    Auto,
    /// This format, and those that wrap its events.
    Of(&'static Format),
}

/// The error for a text that names no type of events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a type of events: expected {expected}")]
pub struct ParseSourceKindError {
    expected: String,
}

impl SourceKind {
    /// Returns every type that can be named.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::of_table(&FORMATS)
    }

    /// Returns every type that can be named where these are the formats.
    pub(crate) fn of_table(table: &'static Table) -> impl Iterator<Item = Self> {
        let formats = table.iter().filter(|format| format.is_kind());
        std::iter::once(Self::Auto).chain(formats.map(Self::Of))
    }

    /// Returns its name, in lowercase.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Of(format) => format.name,
        }
    }

    /// Returns its other names.
    #[must_use]
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Auto => &[],
            Self::Of(format) => format.aliases,
        }
    }

    /// Returns a description in a few words.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Auto => "Each event says what it is",
            Self::Of(format) => format.about,
        }
    }

    /// Returns the type of a body of this media type (without parameters, in any case), if the media type implies one.
    #[must_use]
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        Self::with_media_type(&FORMATS, media_type)
    }

    /// The same, where these are the formats.
    pub(crate) fn with_media_type(table: &'static Table, media_type: &str) -> Option<Self> {
        let is_known = |known: &&str| known.eq_ignore_ascii_case(media_type);
        let format = (table.iter()).find(|format| format.media_types.iter().any(is_known))?;
        Self::named(table, format.kind).ok()
    }

    /// Returns the type of a name, where these are the formats.
    pub(crate) fn named(table: &'static Table, name: &str) -> Result<Self, ParseSourceKindError> {
        let is_it = |kind: &Self| kind.name() == name || kind.aliases().contains(&name);
        let kind = Self::of_table(table).find(is_it);
        kind.ok_or_else(|| ParseSourceKindError {
            expected: alternatives(table),
        })
    }
}

impl FromStr for SourceKind {
    type Err = ParseSourceKindError;

    /// Names are in lowercase; a caller that ignores case converts the text first.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::named(&FORMATS, text)
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Returns every name, as in `a, b or c`.
fn alternatives(table: &'static Table) -> String {
    let names: Vec<_> = SourceKind::of_table(table).map(SourceKind::name).collect();
    let (last, others) = names.split_last().expect("auto is always among them");
    format!("{} or {last}", others.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_what_it_writes() {
        for kind in SourceKind::all() {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            for alias in kind.aliases() {
                assert_eq!(alias.parse(), Ok(kind));
            }
        }
        for text in ["", "CADF", "kong ", "oslo", "repaired"] {
            assert!(text.parse::<SourceKind>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_type_is_refused_with_those_that_there_are() {
        let error = "oslo".parse::<SourceKind>().unwrap_err().to_string();
        assert!(
            error.starts_with("not a type of events: expected auto, cadf"),
            "{error}"
        );
        for kind in SourceKind::all() {
            assert!(error.contains(kind.name()), "{error}");
        }
        let last = SourceKind::all().last().unwrap();
        assert!(error.ends_with(&format!(" or {last}")), "{error}");
    }

    #[test]
    fn a_media_type_says_the_type_where_a_row_has_it() {
        for format in FORMATS.iter() {
            for media_type in format.media_types {
                let kind = SourceKind::of_media_type(&media_type.to_uppercase());
                assert_eq!(kind.map(SourceKind::name), Some(format.kind));
            }
        }
        for media_type in ["", "application/json", "application/x-ndjson", "text/plain"] {
            assert_eq!(SourceKind::of_media_type(media_type), None);
        }
    }
}
