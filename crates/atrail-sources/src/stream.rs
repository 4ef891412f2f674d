//! Splits an input that arrives in chunks.

use atrail_model::Timestamp;

use crate::split::candidate;
use crate::splitter::Splitter;
use crate::{Candidate, Engine, Framing, Reader, Refusal, SourceKind, Strictness};

/// Splits an input of any size, chunk by chunk.
///
/// [`feed`](Self::feed) a chunk, read items until there are none, and repeat; after the last chunk call
/// [`finish`](Self::finish) and read the remaining items. It keeps the bytes that it has not returned yet, and never
/// more than one event of the largest size beside the chunks fed (two, where an event may have lines of others between its
/// own).
///
/// A clone that is finished shows which items the input would have if it ended here.
#[derive(Debug, Clone)]
pub struct Stream {
    splitter: Splitter,
    reader: Reader,
    window: Vec<u8>,
    finished: bool,
}

impl Stream {
    /// Creates a stream without input.
    #[must_use]
    pub fn new(kind: SourceKind, framing: Framing) -> Self {
        Self::by(&Engine::embedded(), kind, framing)
    }

    /// Creates a stream without input, whose events an engine converts.
    #[must_use]
    pub fn by(engine: &Engine, kind: SourceKind, framing: Framing) -> Self {
        Self {
            splitter: Splitter::new(engine.table(), kind, framing),
            reader: Reader::new(engine.table(), kind, Strictness::Strict),
            window: Vec::new(),
            finished: false,
        }
    }

    /// Sets the time of events that state none that can be right, as [`Reader::received_at`] does.
    #[must_use]
    pub fn received_at(mut self, time: Timestamp) -> Self {
        self.reader = self.reader.received_at(time);
        self
    }

    /// Sets whether items are refused for what they are, as [`Split::as_strict_as`](crate::Split::as_strict_as) does.
    #[must_use]
    pub fn as_strict_as(mut self, strictness: Strictness) -> Self {
        self.reader = self.reader.as_strict_as(strictness);
        self
    }

    /// Adds the next chunk.
    pub fn feed(&mut self, chunk: &[u8]) {
        let released = self.splitter.release(&self.window);
        self.window.drain(..released);
        self.window.extend_from_slice(chunk);
    }

    /// Ends the input.
    pub const fn finish(&mut self) {
        self.finished = true;
    }

    /// Returns the next event or refusal; `None` when another chunk is needed or, after [`finish`](Self::finish), at
    /// the end.
    pub fn next_item(&mut self) -> Option<Result<Candidate<'_>, Refusal>> {
        let step = self.splitter.step(&self.window, self.finished);
        candidate(&self.window, step, &mut self.reader)
    }

    /// Returns how many bytes are kept at the moment.
    #[cfg(test)]
    pub(crate) const fn kept_bytes(&self) -> usize {
        self.window.len()
    }
}
