//! A request to make events durable, and what became of it.

use atrail_model::{AccountId, Domain};
use tokio::sync::oneshot;

use crate::error::Result;
use crate::wal::NewEvent;

/// What became of an append.
#[derive(Debug)]
pub(crate) enum Appended {
    /// All events are durable; so many of them were so before.
    Durable { duplicates: u64 },
    /// Nothing was written: the domain was sealed since the caller looked for sealed duplicates.
    LookAgain(Vec<NewEvent>),
}

/// A request to make events durable.
pub(super) struct Append {
    /// Whose they are: accounts take turns.
    pub(super) account: AccountId,
    pub(super) domain: Domain,
    /// How often the domain was sealed when the caller looked for sealed duplicates.
    pub(super) seals: u64,
    pub(super) events: Vec<NewEvent>,
    pub(super) done: oneshot::Sender<Result<Appended>>,
}

impl Append {
    /// Bytes of the events' lines.
    pub(super) fn size_bytes(&self) -> usize {
        size_of(&self.events)
    }
}

/// Bytes of the events' lines.
pub(super) fn size_of(events: &[NewEvent]) -> usize {
    events.iter().map(|event| event.line.len()).sum()
}
