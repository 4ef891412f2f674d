//! Splits a body in memory.

use std::borrow::Cow;

use crate::origin::to_cadf;
use crate::splitter::{Splitter, Step};
use crate::{Origin, Refusal, SourceKind};

/// How the values of an input are separated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Determined by the first readable value: if it is alone on its line, every line is independent; otherwise values
    /// may span lines and follow each other.
    #[default]
    Sniffed,
    /// Every line is independent, as in `application/x-ndjson`: a bad line is refused and reading continues with the
    /// next one.
    Lines,
}

/// A possible event, for [`atrail_model::event::admit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The line of the input on which it begins, counted from 1.
    pub line: u64,
    /// The source of its text.
    pub origin: Origin,
    /// Its text: unchanged when it is CADF, otherwise its conversion.
    pub text: Cow<'a, [u8]>,
}

/// Splits a whole body.
#[must_use]
pub fn split(body: &[u8], kind: SourceKind, framing: Framing) -> Split<'_> {
    Split {
        body,
        splitter: Splitter::new(kind, framing),
    }
}

/// The items of a body, in order. See [`split`].
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

/// Returns a step's result with its text; `None` when there is nothing yet, or nothing more.
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
