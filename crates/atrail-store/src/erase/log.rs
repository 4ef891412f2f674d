//! Erases deleted events from the journal.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use atrail_model::Domain;
use parking_lot::Mutex;

use crate::core::Core;
use crate::error::{ErrorKind, Result, chain};
use crate::journal::Rotation;
use crate::seal::scope::SealScope;

/// The domains of which the journal may still have deleted events.
#[derive(Debug, Default)]
pub(crate) struct LogErasure {
    owed: Mutex<Owed>,
    /// Held during an erasure. A waiting caller finds that one erasure served several callers.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Owed {
    /// Each with the number of the last deletion that added it.
    domains: HashMap<Domain, u64>,
    deletions: u64,
}

impl LogErasure {
    /// Records that events of these domains were deleted, or are about to be.
    pub(crate) fn owe(&self, domains: impl IntoIterator<Item = Domain>) {
        let mut owed = self.owed.lock();
        owed.deletions += 1;
        let number = owed.deletions;
        owed.domains
            .extend(domains.into_iter().map(|domain| (domain, number)));
    }

    /// Reports whether some of these domains are owed an erasure.
    pub(crate) fn owes_one_of(&self, mut domains: impl Iterator<Item = Domain>) -> bool {
        let owed = self.owed.lock();
        domains.any(|domain| owed.domains.contains_key(&domain))
    }

    /// Reports whether any erasure is owed.
    pub(crate) fn owes(&self) -> bool {
        !self.owed.lock().domains.is_empty()
    }

    /// Blocks the erasure of the log.
    #[cfg(test)]
    pub(crate) async fn hold(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Removes these erased domains, unless events of one were deleted meanwhile.
    fn settle(&self, erased: &HashMap<Domain, u64>) {
        let mut owed = self.owed.lock();
        owed.domains
            .retain(|domain, number| erased.get(domain) != Some(number));
    }
}

impl Core {
    /// Erases all events from the journal that anybody has deleted by now. Unsealed events of others stay unsealed. The
    /// caller has claimed nothing.
    pub(crate) async fn erase_from_log(self: &Arc<Self>) -> Result<()> {
        let _one_for_all = self.log_erasure.turn.lock().await;
        let owed = self.log_erasure.owed.lock().domains.clone();
        if owed.is_empty() {
            return Ok(());
        }
        let domains: HashSet<_> = owed.keys().copied().collect();
        self.catalog.anchors().check()?;
        if let Err(error) = self.told(self.journal.erase(&domains).await) {
            if error.kind() != ErrorKind::Full {
                tracing::warn!(
                    error = chain(&error),
                    "deleted events cannot be taken out of the log beside others: all of it is sealed"
                );
            }
            self.seal_all_of_log().await?;
        }
        self.log_erasure.settle(&owed);
        Ok(())
    }

    /// Erases with no more space than sealing needs, and without reading the log: nothing in it is unsealed then, and
    /// it is removed.
    async fn seal_all_of_log(self: &Arc<Self>) -> Result<()> {
        self.with_reserve(|| self.trim(Rotation::EvenSmall)).await?;
        self.with_reserve(|| self.seal(SealScope::All)).await?;
        self.trim(Rotation::None).await
    }

    /// Completes an earlier erasure that failed.
    pub(crate) async fn finish_erasure(self: &Arc<Self>) -> Result<()> {
        if self.log_erasure.owes() {
            self.erase_from_log().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use atrail_model::SpaceId;

    use super::*;

    /// A deletion that ends during an erasure is not settled by it.
    #[test]
    fn an_erasure_answers_only_for_what_was_deleted_before_it() {
        let [one, other] = [1, 2].map(|byte| Domain::Space(SpaceId::from_bytes([byte; 16])));
        let erasure = LogErasure::default();
        erasure.owe([one, other]);
        let erased = erasure.owed.lock().domains.clone();
        erasure.owe([one]);
        erasure.settle(&erased);
        assert!(erasure.owes_one_of([one].into_iter()));
        assert!(!erasure.owes_one_of([other].into_iter()), "the control");
    }
}
