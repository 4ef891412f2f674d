//! Readings of a session: which login received which of its bytes. The store keeps them beyond the life of the process;
//! the module that records downloads interprets them.

use atrail_catalog::readings::{KeptReadings, Reading};
use atrail_catalog::session::SessionKey;
use atrail_disk::Result;

use crate::Store;

impl Store {
    /// Returns the stored readings of a session.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn readings(&self, session: &SessionKey) -> Result<Vec<Reading>> {
        self.core.catalog.readings(session).await
    }

    /// Stores the readings of sessions in place of the earlier ones. When it returns, they are durable. It stores none
    /// for a session that has ended.
    ///
    /// # Errors
    /// When the catalog fails, or the disk is full and the reserve has no room either.
    pub async fn keep_readings(&self, kept: &[KeptReadings]) -> Result<()> {
        let core = &self.core;
        core.with_reserve(|| core.catalog.keep_readings(kept)).await
    }
}
