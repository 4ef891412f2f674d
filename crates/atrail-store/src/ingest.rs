//! Events coming in.

use std::time::Duration;

use atrail_evidence::LeafHash;
use atrail_model::{Day, Domain, Hour};
use bytes::Bytes;

use crate::Store;
use crate::error::{Result, StoreError};

/// A checked event, ready to be stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The UTC day of its `eventTime`.
    pub day: Day,
    /// The UTC hour of its `eventTime`.
    pub hour: Hour,
    /// Its stored line: one JSON object without CR and LF.
    pub line: Bytes,
    /// The line's leaf hash.
    pub leaf: LeafHash,
}

/// How long an append waits for sealing to make room in memory.
const ROOM_TIMEOUT: Duration = Duration::from_secs(10);

impl Store {
    /// Makes events durable in a domain. `Ok` means that all of them survive a crash of process and machine.
    ///
    /// # Errors
    /// `Full` and `Overloaded` when nothing was kept and a later try may succeed; `Poisoned` when the store takes no
    /// writes until it is restarted: then it is unknown whether the events are kept.
    pub async fn append(&self, domain: Domain, events: Vec<NewEvent>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let core = &self.core;
        if tokio::time::timeout(ROOM_TIMEOUT, core.memtable.wait_for_room())
            .await
            .is_err()
        {
            return Err(core.wal.refusal().unwrap_or(StoreError::Overloaded));
        }
        core.wal.append(domain, events).await
    }

    /// Why the store takes no events now, if it does not.
    #[must_use]
    pub fn write_refusal(&self) -> Option<StoreError> {
        self.core.wal.refusal()
    }
}
