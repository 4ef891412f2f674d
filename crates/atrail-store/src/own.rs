//! The server's own events: what was done with the archive. They come in like everybody's, but a log that takes no events
//! does not keep them out, for then nobody could read or delete any more: they wait in the catalog, on a full disk with the
//! space that is set aside, until the log takes events again.

use std::sync::atomic::Ordering;

use atrail_model::Domain;

use crate::Store;
use crate::error::{Result, StoreError};
use crate::ingest::NewEvent;
use crate::store::Core;

/// Events that come out of the catalog at one go.
const AT_ONCE: u32 = 256;

impl Store {
    /// Makes an event about the use of the archive durable. It must have an `id`, so that it is stored once.
    ///
    /// # Errors
    /// When neither the log nor the catalog takes it: as [`Self::append`] has them, but for a full disk only when not even
    /// what is set aside has room.
    pub async fn append_own(&self, domain: Domain, event: NewEvent) -> Result<()> {
        let core = &self.core;
        match self.append(domain, vec![event.clone()]).await {
            // A log that failed may hold the event all the same: it is stored once, however often it comes.
            Err(StoreError::Full(_) | StoreError::Poisoned(_)) => {}
            outcome => return outcome.map(drop),
        }
        let numbers = core.catalog.domain_numbers().await?;
        let number = *numbers.get(&domain).ok_or_else(|| StoreError::NotFound {
            what: domain.to_string(),
        })?;
        core.with_reserve(|| core.catalog.set_aside(number, &event))
            .await?;
        core.sets_aside.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Takes in what waits in the catalog, once the log takes events.
    pub(crate) async fn take_in_waiting(&self) -> Result<()> {
        let core = &self.core;
        // Cleared before the look: who sets something aside after it sets the mark again.
        while core.wal.refusal().is_none() && core.sets_aside.swap(false, Ordering::Relaxed) {
            let waiting = core.catalog.waiting(AT_ONCE).await?;
            let Some(last) = waiting.last().map(|last| last.place) else {
                return Ok(());
            };
            core.sets_aside.store(true, Ordering::Relaxed);
            for one in waiting {
                self.append(one.domain, vec![one.event]).await?;
            }
            core.catalog.forget_waiting(last).await?;
        }
        Ok(())
    }
}

impl Core {
    /// Whether an earlier process left something waiting.
    pub(crate) async fn look_for_waiting(&self) -> Result<()> {
        let is_any = !self.catalog.waiting(1).await?.is_empty();
        self.sets_aside.store(is_any, Ordering::Relaxed);
        Ok(())
    }
}
