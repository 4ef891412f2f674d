//! Reusable memory for reads of objects: fresh pages from the system for each read cost more than the read itself
//! (decision 0107).

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Bytes of a buffer.
pub(crate) const BUFFER_BYTES: usize = 128 << 10;
/// Unused buffers that are kept: 4 MiB.
const KEPT: usize = 32;

/// The pool of buffers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Box<[u8]>>>>);

/// A buffer that is being filled, front to back. Its earlier contents are never served.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
    home: Buffers,
}

impl Buffers {
    /// Returns an empty buffer.
    pub(crate) fn take(&self) -> Buffer {
        let kept = self.0.lock().pop();
        Buffer {
            bytes: kept.unwrap_or_else(|| vec![0; BUFFER_BYTES].into()),
            filled: 0,
            home: self.clone(),
        }
    }
}

impl Buffer {
    /// Fills the next bytes; returns `None`, with nothing filled, when less room remains or `fill` returns `None`.
    pub(crate) fn fill(
        &mut self,
        length: u64,
        fill: impl FnOnce(&mut [u8]) -> Option<()>,
    ) -> Option<()> {
        let begin = self.filled;
        let end = begin.checked_add(usize::try_from(length).ok()?)?;
        fill(self.bytes.get_mut(begin..end)?)?;
        self.filled = end;
        Some(())
    }

    /// Returns the filled bytes. The memory returns to the pool when the last reference to them is dropped.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut kept = self.home.0.lock();
        if kept.len() < KEPT {
            kept.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_once_its_last_bytes_are_dropped_and_shows_nothing_of_before() {
        let buffers = Buffers::default();
        let mut first = buffers.take();
        assert!(first.fill(3, copy(b"one")).is_some());
        let place = first.bytes.as_ptr();
        let bytes = first.into_bytes();
        let part = bytes.slice(1..2);
        drop(bytes);
        assert_ne!(buffers.take().bytes.as_ptr(), place);
        assert_eq!(part, "n");
        drop(part);
        let kept = [buffers.take(), buffers.take()];
        let again = kept.into_iter().find(|b| b.bytes.as_ptr() == place);
        let mut again = again.unwrap();
        assert!(again.fill(BUFFER_BYTES as u64 + 1, |_| Some(())).is_none());
        assert!(again.fill(0, |_| Some(())).is_some());
        assert!(again.into_bytes().is_empty());
    }

    #[test]
    fn what_could_not_be_filled_is_not_handed_out() {
        let mut buffer = Buffers::default().take();
        assert!(buffer.fill(5, copy(b"sound")).is_some());
        let torn = buffer.fill(4, |bytes| {
            bytes[..2].copy_from_slice(b"to");
            None
        });
        assert!(torn.is_none());
        assert!(buffer.fill(3, copy(b"ly.")).is_some());
        assert_eq!(buffer.into_bytes(), "soundly.");
    }

    fn copy(from: &[u8]) -> impl FnOnce(&mut [u8]) -> Option<()> {
        |into| {
            into.copy_from_slice(from);
            Some(())
        }
    }

    #[test]
    fn few_are_kept() {
        let buffers = Buffers::default();
        let many: Vec<_> = (0..2 * KEPT).map(|_| buffers.take()).collect();
        drop(many);
        assert_eq!(buffers.0.lock().len(), KEPT);
    }
}
