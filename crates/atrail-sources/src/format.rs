//! The audit formats known here. A new one is a file with `detect` and `convert`, a variant, and a row in each `match`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::Reason;

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
}

impl Format {
    /// The event as CADF: the text itself, or its conversion.
    pub(crate) fn to_cadf(self, text: &[u8]) -> Result<Cow<'_, [u8]>, Reason> {
        match self {
            Self::Cadf => Ok(Cow::Borrowed(text)),
            Self::Kong => Err(Reason::Unsupported { format: "kong" }),
        }
    }
}
