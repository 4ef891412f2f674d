//! What is done when the disk is full.

use std::sync::Arc;

use crate::core::Core;
use crate::error::{Result, is_full};
use crate::journal::Rotation;
use crate::task::off_thread;

impl Core {
    /// While the disk is full, who sends is refused at once; this finds out when there is space again. First what is set
    /// aside comes back, then the log goes on: so it cannot take what deletions need.
    pub(crate) async fn look_for_space(&self) -> Result<()> {
        let is_full = self.journal.is_full();
        let reserve = Arc::clone(&self.reserve);
        let more_bytes = self.settings.wal_file_bytes;
        let is_restored = off_thread(move || {
            let is_given_away = is_full && reserve.release();
            Ok(!is_given_away && reserve.restore(more_bytes))
        })
        .await?;
        if is_restored && is_full {
            return self.trim(Rotation::Whole).await;
        }
        Ok(())
    }

    /// Does what writes to the catalog; on a full disk with the space that is set aside.
    pub(crate) async fn with_reserve<T, F: Future<Output = Result<T>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<T> {
        let releases = self.reserve.releases();
        let done = self.told(work().await);
        if !is_full(&done) {
            return done;
        }
        let reserve = Arc::clone(&self.reserve);
        let is_released = off_thread(move || Ok(reserve.release_since(releases))).await?;
        if is_released {
            self.told(work().await)
        } else {
            done
        }
    }

    /// Finds out whether it was for want of space that the catalog was not written.
    pub(crate) fn told<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| self.reserve.explain(error))
    }
}
