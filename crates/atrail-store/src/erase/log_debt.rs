//! Records of which domains the journal may still have deleted events.

use std::collections::HashMap;
use std::sync::Arc;

use atrail_model::Domain;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

/// The domains of which the journal may still have deleted events.
#[derive(Debug, Default)]
pub(crate) struct LogErasure {
    owed: Mutex<OwedDomains>,
    /// Held during an erasure. A waiting caller finds that one erasure served several callers.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct OwedDomains {
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

    /// Waits until nobody erases, and keeps others from it as long as the guard lives.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// As [`Self::turn`]; `None` when somebody erases.
    pub(super) fn try_turn(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.turn).try_lock_owned().ok()
    }

    /// Returns the domains that are owed an erasure, each with the number of its last deletion.
    pub(super) fn owed(&self) -> HashMap<Domain, u64> {
        self.owed.lock().domains.clone()
    }

    /// Removes these erased domains, unless events of one were deleted meanwhile.
    pub(super) fn settle(&self, erased: &HashMap<Domain, u64>) {
        let mut owed = self.owed.lock();
        owed.domains
            .retain(|domain, number| erased.get(domain) != Some(number));
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
        let erased = erasure.owed();
        erasure.owe([one]);
        erasure.settle(&erased);
        assert!(erasure.owes_one_of([one].into_iter()));
        assert!(!erasure.owes_one_of([other].into_iter()), "the control");
    }
}
