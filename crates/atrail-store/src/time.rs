//! The store's time, for monitoring.

use atrail_disk::Result;

use crate::Store;
use crate::timekeeper::TimeStatus;

impl Store {
    /// Returns how the machine's clock compares with the passed time. Queries neither disk nor catalog.
    #[must_use]
    pub fn time(&self) -> TimeStatus {
        self.core.time.status()
    }

    /// Accepts an operator's word that the machine's clock is right: from now on time counts as passed up to its date,
    /// even after a restart. This does not end sessions and other lifetimes that are measured from a creation or a use.
    /// Returns the comparison from before the call.
    ///
    /// # Errors
    /// When the catalog fails: the clock is believed nevertheless, until the next start.
    pub async fn resume_time(&self) -> Result<TimeStatus> {
        let core = &self.core;
        let before = core.time.status();
        core.time.resume();
        core.with_reserve(|| core.time.keep(&core.catalog)).await?;
        Ok(before)
    }
}
