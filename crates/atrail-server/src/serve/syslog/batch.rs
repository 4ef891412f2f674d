//! The messages that are made durable together.

use std::net::IpAddr;
use std::ops::Range;

use atrail_model::Timestamp;
use bytes::Bytes;
use uuid::Uuid;

/// Messages of one or several senders.
#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// A message in the bytes of its batch.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) range: Range<usize>,
    /// Whether its end is missing.
    pub(super) is_cut: bool,
    pub(super) peer: IpAddr,
    /// When it arrived, which may be long before it can be delivered.
    pub(super) arrived: Timestamp,
    /// Distinguishes the message from an equal one, also when the batch is tried again.
    pub(super) number: u64,
}

impl Batch {
    pub(super) fn push(&mut self, message: &[u8], is_cut: bool, peer: IpAddr, arrived: Timestamp) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(message);
        self.entries.push(Entry {
            range: start..self.bytes.len(),
            is_cut,
            peer,
            arrived,
            number: self.entries.len() as u64,
        });
    }

    /// Returns the number of messages.
    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the memory of the batch, in bytes.
    pub(super) const fn size_bytes(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Returns the batch in the form in which it is delivered, and leaves an empty one.
    pub(super) fn take(&mut self) -> Sealed {
        let Self { bytes, entries } = std::mem::take(self);
        Sealed {
            id: Uuid::new_v4(),
            bytes: bytes.into(),
            entries,
        }
    }
}

/// A batch to which nothing is added.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    /// Distinguishes its messages from those of other batches.
    pub(super) id: Uuid,
    pub(super) bytes: Bytes,
    pub(super) entries: Vec<Entry>,
}

impl Sealed {
    /// Returns both halves; `None` for a single message.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let (one, other) = self.entries.split_at(self.entries.len() / 2);
        (!one.is_empty()).then(|| {
            [one, other].map(|entries| Self {
                entries: entries.to_vec(),
                ..self.clone()
            })
        })
    }
}
