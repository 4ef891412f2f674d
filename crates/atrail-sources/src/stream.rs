//! Splitting an input that comes in chunks.

use crate::split::candidate;
use crate::splitter::Splitter;
use crate::{Candidate, Framing, Refusal, SourceKind};

/// Takes an input of any size apart, chunk by chunk.
///
/// [`feed`](Self::feed) a chunk, take items until there are none, and so on; after the last chunk
/// [`finish`](Self::finish) and take what is left. It keeps what it has not yet handed out and never more than one
/// event of the largest size beside the chunks fed.
#[derive(Debug)]
pub struct Stream {
    splitter: Splitter,
    window: Vec<u8>,
    finished: bool,
}

impl Stream {
    /// A stream that has seen nothing yet.
    #[must_use]
    pub fn new(kind: SourceKind, framing: Framing) -> Self {
        Self {
            splitter: Splitter::new(kind, framing),
            window: Vec::new(),
            finished: false,
        }
    }

    /// Takes the next chunk.
    pub fn feed(&mut self, chunk: &[u8]) {
        let released = self.splitter.release(&self.window);
        self.window.drain(..released);
        self.window.extend_from_slice(chunk);
    }

    /// Nothing more will be fed.
    pub const fn finish(&mut self) {
        self.finished = true;
    }

    /// The next event or refusal; `None` when another chunk is needed or, after [`finish`](Self::finish), at the end.
    pub fn next_item(&mut self) -> Option<Result<Candidate<'_>, Refusal>> {
        let step = self.splitter.step(&self.window, self.finished);
        candidate(&self.window, step)
    }

    /// How many bytes are kept at the moment.
    #[must_use]
    pub const fn kept_bytes(&self) -> usize {
        self.window.len()
    }
}
