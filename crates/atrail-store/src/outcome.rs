//! What became of a commit that was reported as failed.

use std::time::Duration;

use atrail_catalog::outcome::Trace;
use atrail_disk::{ErrorKind, Result, StoreError};

use crate::core::Core;

/// How often the catalog is asked again whose database is away, and after how long: it may be restarting.
const ATTEMPTS: usize = 30;
const PAUSE: Duration = Duration::from_secs(1);

impl Core {
    /// Reports which of these traces of a commit are there although it was reported as failed with this error. What is not
    /// there will not be.
    ///
    /// # Errors
    /// When the catalog does not answer: then it is unknown whether the commit took effect.
    pub(crate) async fn took_effect(
        &self,
        error: &StoreError,
        traces: &[Trace<'_>],
    ) -> Result<Vec<bool>> {
        let mut attempts = 1..ATTEMPTS;
        let are_there = loop {
            match self.catalog.took_effect(traces).await {
                Err(error)
                    if error.kind() == ErrorKind::Unavailable && attempts.next().is_some() =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                known => break known?,
            }
        };
        if are_there.contains(&true) {
            tracing::warn!(%error, "a commit was reported as failed, but took effect");
        }
        Ok(are_there)
    }

    /// Reports whether a seal took effect, which leaves this trace, although its commit was reported as failed.
    ///
    /// # Errors
    /// When the catalog does not answer. Then the store refuses all writes and seals nothing more: the next start finds
    /// out.
    pub(crate) async fn is_sealed(&self, error: &StoreError, trace: Trace<'_>) -> Result<bool> {
        let unknown = match self.took_effect(error, &[trace]).await {
            Ok(are_there) => return Ok(are_there == [true]),
            Err(unknown) => unknown,
        };
        let why = format!("the catalog does not say whether a seal is committed: {unknown}");
        *self.unknown_seal.lock() = Some(why.clone());
        self.journal.poison(why);
        Err(unknown)
    }
}
