//! Splitting a body that is in memory.

use std::borrow::Cow;

use crate::origin::to_cadf;
use crate::splitter::{Splitter, Step};
use crate::{Origin, Refusal, SourceKind};

/// How the values of an input are told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Framing {
    /// By the first value that can be read: when it stands alone on its line, every line stands alone; else values may
    /// span lines and follow each other.
    #[default]
    Sniffed,
    /// Every line stands alone, as in `application/x-ndjson`: a bad line is refused and the next one is looked at.
    Lines,
}

/// The text of what may be an event, to be given to [`atrail_model::event::admit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The line of the input that it begins on, counted from 1.
    pub line: u64,
    /// What its text was made from.
    pub origin: Origin,
    /// Its text: as it stood in the input when it is CADF, else its conversion.
    pub text: Cow<'a, [u8]>,
}

/// Takes a whole body apart.
#[must_use]
pub fn split(body: &[u8], kind: SourceKind, framing: Framing) -> Split<'_> {
    Split {
        body,
        splitter: Splitter::new(kind, framing),
    }
}

/// What a body holds, in order. See [`split`].
#[derive(Debug)]
pub struct Split<'a> {
    body: &'a [u8],
    splitter: Splitter,
}

impl<'a> Iterator for Split<'a> {
    type Item = Result<Candidate<'a>, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        candidate(self.body, self.splitter.step(self.body, true))
    }
}

/// A step's outcome with the text it speaks of; `None` when there is nothing yet, or nothing more.
pub(crate) fn candidate(window: &[u8], step: Step) -> Option<Result<Candidate<'_>, Refusal>> {
    match step {
        Step::Candidate {
            range,
            line,
            format,
        } => Some(match to_cadf(format, &window[range]) {
            Ok((text, origin)) => Ok(Candidate { line, origin, text }),
            Err(reason) => Err(Refusal {
                line,
                reason,
                not_read: 0,
            }),
        }),
        Step::Refusal(refusal) => Some(Err(refusal)),
        Step::NeedMore | Step::End => None,
    }
}
