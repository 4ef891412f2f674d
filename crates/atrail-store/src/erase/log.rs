//! Erases deleted events from the journal.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use atrail_model::Domain;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use crate::core::Core;
use crate::error::{ErrorKind, Result, chain, is_full};
use crate::journal::Rotation;
use crate::seal::scope::SealScope;
use crate::task::joined;

/// The domains of which the journal may still have deleted events.
#[derive(Debug, Default)]
pub(crate) struct LogErasure {
    owed: Mutex<Owed>,
    /// Held while they are erased. Whoever waits for it finds that one erasure did it for several.
    turn: Arc<tokio::sync::Mutex<()>>,
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

    /// Waits until nobody erases, and keeps the log from being erased.
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
    /// Gets all that was deleted by now out of the journal, for whoever deleted it. What is unsealed of others stays what it is.
    /// The caller has claimed nothing. It runs to its end even when nobody waits for it any more.
    pub(crate) async fn erase_from_log(self: &Arc<Self>) -> Result<()> {
        let turn = Arc::clone(&self.log_erasure.turn).lock_owned().await;
        let core = Arc::clone(self);
        let erasure = tokio::spawn(async move {
            let erased = core.erase_what_is_owed().await;
            core.end_turn(turn);
            erased
        });
        joined(erasure).await
    }

    async fn erase_what_is_owed(self: &Arc<Self>) -> Result<()> {
        let owed = self.log_erasure.owed.lock().domains.clone();
        if owed.is_empty() {
            return Ok(());
        }
        let domains: HashSet<_> = owed.keys().copied().collect();
        self.catalog.anchors().check()?;
        if let Err(error) = self.sign_sealed().await {
            let unsigned = self.journal.unsigned();
            if domains.iter().any(|domain| unsigned.contains_key(domain)) {
                // The log keeps it.
                return Err(error);
            }
        }
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

    /// Gives the turn up. Whoever has it next finds nobody at work in the directory.
    fn end_turn(self: Arc<Self>, turn: OwnedMutexGuard<()>) {
        drop(self);
        drop(turn);
    }

    /// Begins to end what an earlier deletion could not, unless somebody is at it. It may have to wait for a domain in which somebody
    /// is at work; the caller, who seals for all, does not.
    pub(crate) async fn finish_erasure(self: &Arc<Self>) -> Result<()> {
        if !self.log_erasure.owes() {
            return Ok(());
        }
        self.catalog.anchors().check()?;
        let Ok(turn) = Arc::clone(&self.log_erasure.turn).try_lock_owned() else {
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
                    "deleted events are still in the log; it is tried again"
                );
            }
            core.end_turn(turn);
        });
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
