//! Handles a full disk.

use std::sync::Arc;

use atrail_disk::{Result, is_full, off_thread};
use atrail_wal::Rotation;

use crate::core::Core;

impl Core {
    /// Detects that there is space again: while the disk is full, the store refuses events at once. First it sets the
    /// reserve aside again, then the log continues: so the log cannot use the space that deletions need.
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

    /// Runs work that writes to the catalog; on a full disk it releases the reserve.
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

    /// Returns the outcome, with an error marked as lack of space when that kept the catalog from being written.
    pub(crate) fn told<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| self.reserve.explain(error))
    }
}
