//! The source of a migration: a store that does nothing by itself, with every event sealed.

use std::sync::Arc;

use atrail_disk::{Result, StoreError};
use atrail_model::Clock;

use crate::core::Store;
use crate::parts::Parts;
use crate::seal::scope::SealScope;
use crate::settings::StoreSettings;
use crate::start_turn::refuse_others;

use super::place::Place;

/// An open store and its parts. No other process uses them, and no other node starts.
pub(super) struct Source {
    store: Store,
    place: Place,
}

impl Source {
    /// Opens the store of these settings, and goes on with its history as every start does.
    pub(super) async fn open(settings: StoreSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let parts = Parts::open(&settings).await?;
        let secrets = Arc::clone(&parts.secrets);
        let (blobs, index) = (Arc::clone(&parts.blobs), Arc::clone(&parts.index));
        let (runs, checkpoints) = (Arc::clone(&parts.runs), Arc::clone(&parts.checkpoints));
        let store = Store::assemble(parts, settings, clock).await?;
        let place = Place {
            catalog: store.core.catalog.clone(),
            secrets,
            checkpoints,
            blobs,
            index,
            runs,
        };
        Ok(Self { store, place })
    }

    /// Seals every event, so that the log is empty.
    ///
    /// # Errors
    /// `Conflict` when another node runs, or some events cannot be sealed.
    pub(super) async fn seal_all(&self) -> Result<()> {
        let core = &self.store.core;
        if core.catalog.is_shared() {
            refuse_others(&core.catalog).await?;
        }
        core.seal(SealScope::All).await?;
        core.journal.catch_up().await?;
        let left = core.journal.unsealed_domains().len();
        if left > 0 {
            return Err(StoreError::Conflict(format!(
                "the events of {left} domains cannot be sealed: the log of the server says why"
            )));
        }
        Ok(())
    }

    /// Returns what is copied.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Closes the store.
    pub(super) async fn close(&self) -> Result<()> {
        self.store.close().await
    }
}
