//! Transactions that leave the catalog, for callers that must work between the steps: a snapshot, and the one
//! transaction that writes. Neither exposes its connection.
//!
//! Every other transaction is one method of the [`Catalog`].

use atrail_disk::Result;

use super::Catalog;
use super::failure::failed_to;
use super::transaction::Tx;
use crate::sql::{Connection, Transaction};

/// The reads of a transaction. They all see one moment, whatever others commit meanwhile.
pub struct View<'a> {
    pub(super) connection: &'a mut Connection,
}

impl<'a> View<'a> {
    pub(super) const fn of(connection: &'a mut Connection) -> Self {
        Self { connection }
    }
}

/// A transaction that only reads, and blocks no writer. It ends when it is dropped.
pub struct Snapshot(Transaction);

impl Snapshot {
    pub(super) const fn of(tx: Transaction) -> Self {
        Self(tx)
    }

    /// Returns its reads.
    pub fn view(&mut self) -> View<'_> {
        View::of(&mut self.0)
    }
}

/// The one transaction that writes; others wait for it. Dropping it without a commit undoes its writes.
pub struct Write(pub(super) Tx);

impl Write {
    /// Returns its reads: they see its own writes, and no other transaction changes anything before it ends.
    pub fn view(&mut self) -> View<'_> {
        View::of(&mut self.0)
    }

    /// Makes its writes durable.
    pub async fn commit(self) -> Result<()> {
        self.0.commit().await
    }
}

impl Catalog {
    /// Begins a transaction that only reads.
    pub async fn snapshot(&self, what: &'static str) -> Result<Snapshot> {
        let tx = self.readers.begin_read().await.map_err(failed_to(what))?;
        #[cfg(test)]
        let tx = self.spoiled_snapshot(tx).await;
        Ok(Snapshot(tx))
    }

    /// Begins the transaction that writes, once no other is in progress.
    pub async fn write(&self, what: &'static str) -> Result<Write> {
        self.begin(what).await.map(Write)
    }
}
