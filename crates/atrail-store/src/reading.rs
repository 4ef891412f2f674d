//! Readings of a session: who was handed which of its bytes. What the store keeps of it outlives the process; what it means
//! is decided by who puts downloads on record.

use crate::Store;
use crate::catalog::readings::{KeptReadings, Reading};
use crate::catalog::session::SessionKey;
use crate::error::Result;

impl Store {
    /// The readings of a session that were kept last.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn readings(&self, session: &SessionKey) -> Result<Vec<Reading>> {
        self.core.catalog.readings(session).await
    }

    /// Keeps the readings of sessions in place of those that were kept before. When it returns, they are durable. Of a session
    /// that has ended nothing is kept.
    ///
    /// # Errors
    /// When the catalog fails, or the disk is full and what is set aside has no room either.
    pub async fn keep_readings(&self, kept: &[KeptReadings]) -> Result<()> {
        let core = &self.core;
        core.with_reserve(|| core.catalog.keep_readings(kept)).await
    }
}
