//! Erases deleted events from the journal.

use std::collections::HashSet;
use std::sync::Arc;

use atrail_disk::{ErrorKind, Result, chain, is_full, joined};
use atrail_wal::Rotation;
use tokio::sync::OwnedMutexGuard;

use crate::core::Core;
use crate::seal::scope::SealScope;

impl Core {
    /// Erases all events from the journal that anybody has deleted by now. Unsealed events of others stay unsealed. The
    /// caller has claimed nothing. The erasure runs to its end even if the caller stops waiting.
    pub(crate) async fn erase_from_log(self: &Arc<Self>) -> Result<()> {
        let turn = self.log_erasure.turn().await;
        let core = Arc::clone(self);
        let erasure = tokio::spawn(async move {
            let erased = core.erase_what_is_owed().await;
            core.end_turn(turn);
            erased
        });
        joined(erasure).await
    }

    async fn erase_what_is_owed(self: &Arc<Self>) -> Result<()> {
        let owed = self.log_erasure.owed();
        if owed.is_empty() {
            return Ok(());
        }
        let domains: HashSet<_> = owed.keys().copied().collect();
        self.catalog.anchors().check()?;
        if let Err(error) = self.sign_sealed().await {
            let unsigned = self.journal.unsigned();
            if domains.iter().any(|domain| unsigned.contains_key(domain)) {
                // The log keeps their events until a checkpoint covers them.
                return Err(error);
            }
        }
        if let Err(error) = self.told(self.journal.erase(&domains).await) {
            if error.kind() != ErrorKind::Full {
                tracing::warn!(
                    error = chain(&error),
                    "deleted events cannot be erased from the log beside others: the server seals all of it"
                );
            }
            self.seal_all_of_log().await?;
        }
        self.log_erasure.settle(&owed);
        Ok(())
    }

    /// Erases with no more space than sealing needs and without reading the log: it seals everything, so that the log
    /// can be removed.
    async fn seal_all_of_log(self: &Arc<Self>) -> Result<()> {
        self.with_reserve(|| self.trim(Rotation::EvenSmall)).await?;
        self.with_reserve(|| self.seal(SealScope::All)).await?;
        self.trim(Rotation::None).await
    }

    /// Ends the turn, so that the next one finds nobody at work in the directory.
    fn end_turn(self: Arc<Self>, turn: OwnedMutexGuard<()>) {
        drop(self);
        drop(turn);
    }

    /// Starts the erasure that an earlier deletion still owes, unless one is running. The erasure may wait for a domain
    /// that is claimed; the caller, who seals for all tenants, does not wait for the erasure.
    pub(crate) async fn finish_erasure(self: &Arc<Self>) -> Result<()> {
        if !self.log_erasure.owes() {
            return Ok(());
        }
        self.catalog.anchors().check()?;
        let Some(turn) = self.log_erasure.try_turn() else {
            return Ok(());
        };
        let core = Arc::clone(self);
        tokio::spawn(async move {
            let erased = core.told(core.erase_what_is_owed().await);
            if is_full(&erased) {
                core.journal.note_full();
            }
            if let Err(error) = erased {
                tracing::error!(
                    error = chain(&error),
                    "deleted events are still in the log; the server tries again"
                );
            }
            core.end_turn(turn);
        });
        Ok(())
    }
}
