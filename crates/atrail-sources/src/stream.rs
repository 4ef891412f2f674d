//! Splits an input that arrives in chunks.

use crate::split::candidate;
use crate::splitter::Splitter;
use crate::{Candidate, Framing, Refusal, SourceKind};

/// Splits an input of any size, chunk by chunk.
///
/// [`feed`](Self::feed) a chunk, read items until there are none, and repeat; after the last chunk call
/// [`finish`](Self::finish) and read the remaining items. It keeps the bytes that it has not returned yet, and never
/// more than one event of the largest size beside the chunks fed.
#[derive(Debug)]
pub struct Stream {
    splitter: Splitter,
    window: Vec<u8>,
    finished: bool,
}

impl Stream {
    /// Creates a stream without input.
    #[must_use]
    pub fn new(kind: SourceKind, framing: Framing) -> Self {
        Self {
            splitter: Splitter::new(kind, framing),
            window: Vec::new(),
            finished: false,
        }
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
        candidate(&self.window, step)
    }

    /// Returns how many bytes are kept at the moment.
    #[cfg(test)]
    pub(crate) const fn kept_bytes(&self) -> usize {
        self.window.len()
    }
}
