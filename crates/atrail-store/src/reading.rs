//! Readings of a session: which login received which of its bytes. The store keeps them beyond the life of the process;
//! the module that records downloads interprets them.

use atrail_catalog::readings::{ChangedReadings, Numbered};
use atrail_catalog::session::SessionKey;
use atrail_disk::Result;

use crate::Store;

impl Store {
    /// Returns the stored readings of a session, each with its number, in the order in which they began.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn readings(&self, session: &SessionKey) -> Result<Vec<Numbered>> {
        self.core.catalog.readings(session).await
    }

    /// Stores changed readings of sessions, in one transaction. When it returns, they are durable. It stores none for a
    /// session that has ended.
    ///
    /// # Errors
    /// When the catalog fails, or the disk is full and the reserve has no room either.
    pub async fn keep_readings(&self, kept: &[ChangedReadings]) -> Result<()> {
        let core = &self.core;
        core.with_reserve(|| core.catalog.keep_readings(kept)).await
    }
}
