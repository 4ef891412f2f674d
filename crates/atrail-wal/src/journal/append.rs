//! A batch that waits for the writer.

use atrail_disk::Result;
use tokio::sync::oneshot;

use crate::journal::{Appended, Batch};
use crate::log::NewEvent;

/// A request to make a batch durable.
pub(super) struct Append {
    pub(super) batch: Batch,
    pub(super) done: oneshot::Sender<Result<Appended>>,
}

impl Append {
    /// Returns the size of the events' lines in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        size_of(&self.batch.events)
    }
}

/// Returns the size of the events' lines in bytes.
pub(super) fn size_of(events: &[NewEvent]) -> usize {
    events.iter().map(|event| event.line.len()).sum()
}
