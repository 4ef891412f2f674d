//! Splits a body in memory.

use std::borrow::Cow;

use atrail_model::Timestamp;

use crate::splitter::{Splitter, Step};
use crate::{Engine, Origin, Reader, Reason, Refusal, SourceKind, Strictness};

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
    Engine::embedded().split(body, kind, framing)
}

/// The items of a body, in order. See [`split`].
#[derive(Debug)]
pub struct Split<'a> {
    body: &'a [u8],
    splitter: Splitter,
    reader: Reader,
}

impl<'a> Split<'a> {
    pub(crate) fn new(engine: &Engine, body: &'a [u8], kind: SourceKind, framing: Framing) -> Self {
        Self {
            body,
            splitter: Splitter::new(engine.table(), kind, framing),
            reader: Reader::new(engine.table(), kind, Strictness::Strict),
        }
    }

    /// Sets the time of events that state none that can be right, as [`Reader::received_at`] does.
    #[must_use]
    pub fn received_at(mut self, time: Timestamp) -> Self {
        self.reader = self.reader.received_at(time);
        self
    }

    /// Returns the memory that it takes besides the body, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.reader.size_bytes()
    }

    /// Sets whether items are refused for what they are. By default they are; otherwise the generic mapping converts
    /// what is no event. Text that cannot be split into items is refused either way.
    #[must_use]
    pub fn as_strict_as(mut self, strictness: Strictness) -> Self {
        self.reader = self.reader.as_strict_as(strictness);
        self
    }
}

impl<'a> Iterator for Split<'a> {
    type Item = Result<Candidate<'a>, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        candidate(
            self.body,
            self.splitter.step(self.body, true),
            &mut self.reader,
        )
    }
}

/// Returns a step's result with its text; `None` when there is nothing yet, or nothing more.
pub(crate) fn candidate<'a>(
    window: &'a [u8],
    step: Step,
    reader: &mut Reader,
) -> Option<Result<Candidate<'a>, Refusal>> {
    match step {
        Step::Candidate {
            range,
            line,
            format,
        } => Some(item(line, reader.item(format, &window[range]))),
        Step::Joined { text, line, format } => {
            let made = reader.item(format, &text);
            let made = made.map(|(text, origin)| (Cow::Owned(text.into_owned()), origin));
            Some(item(line, made))
        }
        Step::Refusal(refusal) => Some(Err(refusal)),
        Step::NeedMore | Step::End => None,
    }
}

fn item(
    line: u64,
    made: Result<(Cow<'_, [u8]>, Origin), Reason>,
) -> Result<Candidate<'_>, Refusal> {
    match made {
        Ok((text, origin)) => Ok(Candidate { line, origin, text }),
        Err(reason) => Err(Refusal {
            line,
            reason,
            not_read: 0,
        }),
    }
}
