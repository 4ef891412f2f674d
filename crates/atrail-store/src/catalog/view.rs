//! Transactions that leave the catalog: reads of one moment, and the one transaction that writes, for work that has to be done
//! between its steps. Neither shows the connection that it has.
//!
//! All other transactions are one method of the [`Catalog`] each.

use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::Catalog;
use super::failure::failed_to;
use super::transaction::Tx;
use crate::error::Result;

/// What a transaction reads. All of it is of one moment, whatever others commit meanwhile.
pub(crate) struct View<'a> {
    pub(super) connection: &'a mut SqliteConnection,
}

impl<'a> View<'a> {
    pub(super) const fn of(connection: &'a mut SqliteConnection) -> Self {
        Self { connection }
    }
}

/// Reads of one moment, which keep nobody from writing. It ends when it is dropped.
pub(crate) struct Snapshot(Transaction<'static, Sqlite>);

impl Snapshot {
    pub(crate) fn view(&mut self) -> View<'_> {
        View::of(&mut self.0)
    }
}

/// The one transaction that writes. Others wait for it. What it wrote is undone when it is dropped without a commit.
pub(crate) struct Write(pub(super) Tx);

impl Write {
    /// What it reads: the state that it leaves, and nobody else changes before it ends.
    pub(crate) fn view(&mut self) -> View<'_> {
        View::of(&mut self.0)
    }

    /// Makes what it wrote durable.
    pub(crate) async fn commit(self) -> Result<()> {
        self.0.commit().await
    }
}

impl Catalog {
    /// Begins reads that are of one moment.
    pub(crate) async fn snapshot(&self, what: &'static str) -> Result<Snapshot> {
        let tx = self.readers.begin().await.map_err(failed_to(what))?;
        #[cfg(test)]
        let tx = self.spoiled_snapshot(tx).await;
        Ok(Snapshot(tx))
    }

    /// Begins the transaction that writes, when no other one is under way.
    pub(crate) async fn write(&self, what: &'static str) -> Result<Write> {
        self.begin(what).await.map(Write)
    }
}
