//! Patterns with wildcards.

use memchr::memmem;
use regex::Regex;

use crate::query::{Pattern, Piece};

/// A pattern, prepared for many texts. A test takes time in proportion to the length of the text.
#[derive(Debug)]
pub(crate) enum Glob {
    /// Only `*`: the text before the first, those between, and the one behind the last.
    Parts {
        first: Box<str>,
        middle: Vec<memmem::Finder<'static>>,
        last: Box<str>,
    },
    /// No wildcard.
    Exactly(Box<str>),
    /// With `?`.
    Regex(Regex),
    /// A pattern that is larger than any query has.
    Never,
}

impl Glob {
    pub(crate) fn new(pattern: &Pattern) -> Self {
        if let Some(text) = pattern.as_text() {
            return Self::Exactly(text.into());
        }
        if pattern.0.contains(&Piece::One) {
            return crate::regexes::of_pattern(pattern).map_or(Self::Never, Self::Regex);
        }
        let mut texts: Vec<&str> = vec![""];
        for piece in &pattern.0 {
            match (piece, texts.last_mut()) {
                (Piece::Text(text), Some(last)) => *last = text,
                _ => texts.push(""),
            }
        }
        let last = texts.pop().unwrap_or_default().into();
        let first = texts.first().copied().unwrap_or_default().into();
        let middle = texts
            .iter()
            .skip(1)
            .map(|text| memmem::Finder::new(text).into_owned());
        Self::Parts {
            first,
            middle: middle.collect(),
            last,
        }
    }

    /// Reports whether a folded text matches as a whole.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exactly(wanted) => *text == **wanted,
            Self::Regex(regex) => regex.is_match(text),
            Self::Never => false,
            Self::Parts {
                first,
                middle,
                last,
            } => {
                let Some(rest) = text.strip_prefix(&**first) else {
                    return false;
                };
                let Some(rest) = rest.strip_suffix(&**last) else {
                    return false;
                };
                let mut rest = rest.as_bytes();
                middle.iter().all(|finder| match finder.find(rest) {
                    Some(at) => {
                        rest = &rest[at + finder.needle().len()..];
                        true
                    }
                    None => false,
                })
            }
        }
    }
}
