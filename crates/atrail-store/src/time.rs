//! How the store tells time, for whoever watches over it.

use crate::Store;
use crate::error::Result;
use crate::timekeeper::TimeStatus;

impl Store {
    /// How the machine's clock stands to the time that passed. Asks neither disk nor catalog.
    #[must_use]
    pub fn time(&self) -> TimeStatus {
        self.core.time.status()
    }

    /// An operator says that the machine's clock is right: from now on time counts as passed up to its date, also after a
    /// restart. What ends some time after it was made or used does not end by it. Returns how the two stood before.
    ///
    /// # Errors
    /// When the catalog fails: the clock is believed all the same, until the next start.
    pub async fn resume_time(&self) -> Result<TimeStatus> {
        let core = &self.core;
        let before = core.time.status();
        core.time.resume();
        core.with_reserve(|| core.time.keep(&core.catalog)).await?;
        Ok(before)
    }
}
