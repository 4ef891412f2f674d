//! The sources of events.

use std::borrow::Cow;
use std::fmt;

use crate::engine::{Context, Ids};
use crate::formats::{Reading, repair};
use crate::{Format, Reason, surrogates};

/// The source of an event's text. Its `Display` is its name in responses and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An item of this format.
    Format(&'static Format),
    /// CADF with half of a surrogate pair, which is stored with U+FFFD in its place and its original text attached.
    Repaired,
}

impl Origin {
    /// Reports whether such an event is stored unchanged.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        match self {
            Self::Format(format) => format.is_plain(),
            Self::Repaired => false,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format(format) => format.name,
            Self::Repaired => "repaired",
        })
    }
}

/// Returns an item as CADF that every reader of JSON can read, and its source: the text itself, or its conversion.
pub(crate) fn to_cadf<'a>(
    format: &'static Format,
    text: &'a [u8],
    context: Context<'_>,
    ids: &mut Ids,
) -> Result<(Cow<'a, [u8]>, Origin), Reason> {
    let origin = Origin::Format(format);
    match format.reading {
        Reading::AsItStands if surrogates::has_half(text) => {
            Ok((repair(text)?.into(), Origin::Repaired))
        }
        Reading::AsItStands => Ok((text.into(), origin)),
        Reading::Unwrapped(unwrap) => {
            let event = unwrap(text)?;
            let is_whole = !surrogates::has_half(&event);
            let event = if is_whole { event } else { repair(&event)? };
            Ok((event.into(), origin))
        }
        // A conversion writes no halves.
        Reading::Converted(convert) => Ok((convert(text)?.into(), origin)),
        Reading::Mapped(mapping) => Ok((mapping.convert(text, context, ids)?.into(), origin)),
    }
}
