//! What is written of identity and tenancy, so that nobody goes on believing what was read of them before.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{SqliteConnection, SqlitePool};

use super::Catalog;
use super::transaction::Tx;
use crate::error::Result;
use crate::task::joined;

/// How often something was changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes(Arc<AtomicU64>);

impl Changes {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A catalog as identity and tenancy have it: they can write nothing in it that does not count as a change, unless they say so.
#[derive(Debug, Clone)]
pub(super) struct Changing(Catalog);

impl Changing {
    pub(super) const fn new(catalog: Catalog) -> Self {
        Self(catalog)
    }

    /// The count that moves with every change. Whatever was read after it showed a number holds as long as it shows the same.
    pub(super) fn count(&self) -> u64 {
        self.0.changes.count()
    }

    /// All of it, for tests that change it behind everybody's back.
    #[cfg(test)]
    pub(super) const fn whole(&self) -> &Catalog {
        &self.0
    }

    /// Connections that only read.
    pub(super) const fn readers(&self) -> &SqlitePool {
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
    /// Makes it durable, and counts it, also when nobody waits for it any more and when it is unknown what became of it.
    pub(super) async fn commit(self) -> Result<()> {
        let Self { tx, changes } = self;
        let committing = tokio::spawn(async move {
            let committed = tx.commit().await;
            changes.0.fetch_add(1, Ordering::Release);
            committed
        });
        joined(committing).await
    }

    /// Makes it durable where nothing that could have been read before is different after it: a login that is new, or goes on.
    pub(super) async fn commit_as_no_change(self) -> Result<()> {
        self.tx.commit().await
    }
}

impl Deref for Change {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.tx
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }
}
