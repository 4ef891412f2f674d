//! The text of a file as items, without those that were imported before.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use atrail_sources::{Candidate, Refusal, Stream};
use sha2::{Digest, Sha256};

use super::survey::{Beginning, after_last_line};

/// Splits a text that arrives in pieces. A beginning that is known is read as well, because what follows may depend on
/// it (ids of equal lines, the names of columns, events of several lines), but its items are left out.
pub(super) struct Text {
    stream: Stream,
    hash: Sha256,
    length: u64,
    /// The length of the known beginning.
    known: u64,
    /// The items of the known beginning that are not returned yet, with their numbers: where that text ended, its last
    /// events ended as well, and were sent.
    ended: HashMap<Vec<u8>, usize>,
}

impl Text {
    /// Returns the reader of a text whose first `known` bytes were imported before.
    pub(super) fn new(stream: Stream, known: u64) -> Self {
        Self {
            stream,
            hash: Sha256::new(),
            length: 0,
            known,
            ended: HashMap::new(),
        }
    }

    /// Returns how much of a chunk to feed at once: up to the end of the known beginning, or of the last line.
    pub(super) fn piece(&self, chunk: &[u8]) -> usize {
        let left = usize::try_from(self.known.saturating_sub(self.length)).unwrap_or(usize::MAX);
        match (left, after_last_line(chunk)) {
            (1.., _) => left.min(chunk.len()),
            (0, 0) => chunk.len(),
            (0, whole) => whole,
        }
    }

    /// Feeds the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        self.stream.feed(piece);
        self.hash.update(piece);
        self.length += piece.len() as u64;
        if self.length > self.known {
            return;
        }
        while self.stream.next_item().is_some() {}
        if self.length == self.known {
            let mut end = self.stream.clone();
            end.finish();
            while let Some(item) = end.next_item() {
                *self.ended.entry(identity(&item)).or_default() += 1;
            }
        }
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Ends the text.
    pub(super) const fn finish(&mut self) {
        self.stream.finish();
    }

    /// Hands on the items that are ready and not known.
    ///
    /// # Errors
    /// When one cannot be used.
    pub(super) fn items<E>(
        &mut self,
        mut use_item: impl FnMut(Result<Candidate<'_>, Refusal>) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(item) = self.stream.next_item() {
            if !self.ended.is_empty()
                && let Entry::Occupied(mut entry) = self.ended.entry(identity(&item))
            {
                *entry.get_mut() -= 1;
                if *entry.get() == 0 {
                    entry.remove();
                }
                continue;
            }
            use_item(item)?;
        }
        Ok(())
    }

    /// Returns what was fed so far.
    pub(super) fn beginning(&self) -> Beginning {
        Beginning {
            length: self.length,
            hash: self.hash.clone().finalize().into(),
        }
    }

    /// Returns whether a text that ended here would have no further item.
    pub(super) fn is_between_items(&self) -> bool {
        let mut end = self.stream.clone();
        end.finish();
        end.next_item().is_none()
    }
}

/// Returns what two equal items have in common.
fn identity(item: &Result<Candidate<'_>, Refusal>) -> Vec<u8> {
    match item {
        Ok(candidate) => candidate.text.to_vec(),
        Err(refusal) => format!("line {}: {refusal}", refusal.line).into_bytes(),
    }
}
