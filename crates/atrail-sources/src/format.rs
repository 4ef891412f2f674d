//! The audit formats known here. A new one is a file such as `kong.rs`, its names below, and a row in [`CONVERSIONS`].

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::{Reason, kong, oslo, surrogates};

/// What the sender says the events are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// To be found out, event by event.
    #[default]
    Auto,
    /// CADF.
    Cadf,
    /// Log-plugin events of the Kong gateway.
    Kong,
}

/// The text names no kind of source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a type of events: expected auto, cadf or kong")]
pub struct ParseSourceKindError;

impl FromStr for SourceKind {
    type Err = ParseSourceKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "cadf" => Ok(Self::Cadf),
            "kong" => Ok(Self::Kong),
            _ => Err(ParseSourceKindError),
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cadf => "cadf",
            Self::Kong => "kong",
        })
    }
}

/// What one event was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// CADF, stored as it came.
    Cadf,
    /// A log-plugin event of the Kong gateway, stored as its CADF conversion.
    Kong,
    /// CADF in a message of oslo.messaging as it is on the wire, stored as it stands in there.
    Oslo,
    /// CADF with half of a surrogate pair, stored with U+FFFD in its place and its own text attached.
    Repaired,
}

/// How events of one format become CADF.
#[derive(Debug)]
pub(crate) struct Conversion {
    pub(crate) format: Format,
    /// Whether it is CADF, wrapped in a way that takes more than finding it.
    pub(crate) wraps_cadf: bool,
    /// Text without this is not in the format; found far faster than `detect` can say so.
    pub(crate) telling: &'static [u8],
    /// Whether a JSON object is an event of the format.
    pub(crate) detect: fn(&[u8]) -> bool,
    /// The event as CADF, or what keeps it from being one.
    convert: fn(&[u8]) -> Result<Vec<u8>, Reason>,
}

/// Every format that is converted.
pub(crate) const CONVERSIONS: &[Conversion] = &[
    Conversion {
        format: Format::Kong,
        wraps_cadf: false,
        telling: b"\"started_at\"",
        detect: kong::detect,
        convert: kong::convert,
    },
    Conversion {
        format: Format::Oslo,
        wraps_cadf: true,
        telling: b"\"oslo.message\"",
        detect: oslo::detect,
        convert: oslo::unwrap,
    },
];

impl fmt::Display for Format {
    /// As [`SourceKind`] names it, where it does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cadf => "cadf",
            Self::Kong => "kong",
            Self::Oslo => "oslo",
            Self::Repaired => "repaired",
        })
    }
}

impl Format {
    /// Whether such an event is stored as it came.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        matches!(self, Self::Cadf)
    }

    /// The event as CADF, and what it was taken for: the text itself, or its conversion.
    pub(crate) fn to_cadf(self, text: &[u8]) -> Result<(Cow<'_, [u8]>, Self), Reason> {
        let conversion = CONVERSIONS.iter().find(|row| row.format == self);
        let (event, format) = match conversion {
            // What is made here is text that every reader can read; what was wrapped is as it came.
            Some(conversion) => {
                let event = (conversion.convert)(text)?;
                if !conversion.wraps_cadf || !surrogates::has_half(&event) {
                    return Ok((Cow::Owned(event), self));
                }
                (Cow::Owned(event), self)
            }
            None if surrogates::has_half(text) => (Cow::Borrowed(text), Self::Repaired),
            None => return Ok((Cow::Borrowed(text), self)),
        };
        Ok((Cow::Owned(surrogates::repair(&event)?), format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_what_it_writes() {
        for kind in [SourceKind::Auto, SourceKind::Cadf, SourceKind::Kong] {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for text in ["", "CADF", "kong ", "cloudtrail"] {
            assert_eq!(text.parse::<SourceKind>(), Err(ParseSourceKindError));
        }
    }
}
