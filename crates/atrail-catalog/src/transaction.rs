//! The transaction that writes, for the catalog's own files.

use std::ops::{Deref, DerefMut};

use atrail_disk::Result;

use super::Catalog;
use super::failure::failed_to;
use crate::sql::{Connection, Transaction};

/// A transaction that may write. Only one exists at a time. Dropping it without a commit undoes its writes.
pub(super) struct Tx {
    catalog: Catalog,
    tx: Transaction,
    what: &'static str,
}

impl Tx {
    /// Makes its writes durable.
    pub(super) async fn commit(self) -> Result<()> {
        let Self { catalog, tx, what } = self;
        #[cfg(test)]
        let tx = catalog.mended(tx).await;
        let committed = tx.commit().await.map_err(failed_to(what));
        #[cfg(any(test, feature = "faults"))]
        let committed = committed.and_then(|()| catalog.told_of(what));
        catalog.upkeep.note_commit();
        committed
    }
}

impl Deref for Tx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.tx
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.tx
    }
}

impl Catalog {
    /// Begins a transaction that may write, once no other is in progress. Identity and tenancy go through
    /// [`super::changes::Changing`].
    pub(super) async fn begin(&self, what: &'static str) -> Result<Tx> {
        self.anchors.check()?;
        let tx = self.writer.begin_write().await;
        let tx = tx.map_err(failed_to(what))?;
        #[cfg(test)]
        let tx = self.spoiled_write(tx).await;
        Ok(Tx {
            catalog: self.clone(),
            tx,
            what,
        })
    }
}
