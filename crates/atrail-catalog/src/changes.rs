//! Transactions of identity and tenancy. Each counts as a change, so that a cache can detect which of its entries are
//! stale.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use atrail_disk::{Result, joined};

use super::Catalog;
use super::transaction::Tx;
use crate::sql::{Connection, Pool};

/// Counts changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes(Arc<AtomicU64>);

impl Changes {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The catalog for identity and tenancy: every transaction that they commit counts as a change, unless they declare
/// that it changes nothing.
#[derive(Debug, Clone)]
pub(super) struct Changing(Catalog);

impl Changing {
    pub(super) const fn new(catalog: Catalog) -> Self {
        Self(catalog)
    }

    /// Returns how many changes were committed. Anything read after this call holds while the number stays the same.
    pub(super) fn count(&self) -> u64 {
        self.0.changes.count()
    }

    /// Returns the whole catalog, for tests that bypass the count.
    #[cfg(test)]
    pub(super) const fn whole(&self) -> &Catalog {
        &self.0
    }

    /// Returns the read-only connections.
    pub(super) const fn readers(&self) -> &Pool {
        self.0.readers()
    }

    /// As [`Catalog::verifier_key`].
    pub(super) fn verifier_key(&self) -> String {
        self.0.verifier_key()
    }

    /// Begins a transaction that makes a change.
    pub(super) async fn begin(&self, what: &'static str) -> Result<Change> {
        let tx = self.0.begin(what).await?;
        Ok(Change {
            tx,
            changes: self.0.changes.clone(),
        })
    }
}

/// A transaction that makes a change.
pub(super) struct Change {
    tx: Tx,
    changes: Changes,
}

impl Change {
    /// Makes it durable and counts it, even when the caller stops waiting, or when the outcome of the commit is
    /// unknown.
    pub(super) async fn commit(self) -> Result<()> {
        let Self { tx, changes } = self;
        let committing = tokio::spawn(async move {
            let committed = tx.commit().await;
            changes.0.fetch_add(1, Ordering::Release);
            committed
        });
        joined(committing).await
    }

    /// Makes it durable without counting it: for a login that begins or is renewed, which changes nothing that anybody
    /// could have read before.
    pub(super) async fn commit_as_no_change(self) -> Result<()> {
        self.tx.commit().await
    }
}

impl Deref for Change {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.tx
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.tx
    }
}
