//! The reason why a journal refuses writes until the next start.

use std::sync::Arc;

use atrail_disk::{Result, StoreError};
use parking_lot::Mutex;

/// Why the store refuses all writes. Set once, never cleared in this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Poison(Arc<Mutex<Option<String>>>);

impl Poison {
    /// Refuses when something poisoned the store.
    pub(super) fn check(&self) -> Result<()> {
        self.0
            .lock()
            .as_ref()
            .map_or(Ok(()), |why| Err(StoreError::Poisoned(why.clone())))
    }

    /// Refuses all writes from now on.
    pub(super) fn set(&self, why: String) {
        tracing::error!(why, "the store stops accepting writes");
        self.0.lock().get_or_insert(why);
    }
}
