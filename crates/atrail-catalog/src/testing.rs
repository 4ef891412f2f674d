//! Catalogs that break a promise, for the controls of the suite.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "cluster")]
pub(crate) mod postgres;

use super::Catalog;
use super::sql::sqlite::{pool, unsynced_options};
use crate::sql::{self, Transaction};

/// A promise that a faulty catalog breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Each read of a snapshot sees a moment of its own.
    SnapshotsOfManyMoments,
    /// Writes of a transaction count at once, and others write beside it.
    WritesWithoutTransaction,
    /// Rows may refer to missing rows.
    NoForeignKeys,
    /// Removals of objects are not counted.
    RemovalsNotCounted,
    /// Objects are in the order of their ids.
    OrderOfIds,
    /// Readers wait for the writer.
    OneConnection,
}

impl Catalog {
    /// Returns an empty catalog in memory that breaks this promise.
    pub(super) async fn broken_on_purpose(flaw: Flaw) -> Self {
        let mut catalog = Self::open_in_sqlite().await.unwrap();
        let file = catalog.home.as_ref().unwrap().file();
        let options = unsynced_options(&file);
        match flaw {
            Flaw::SnapshotsOfManyMoments => {}
            Flaw::WritesWithoutTransaction => {
                catalog.writer = pool(2, options).await.unwrap();
            }
            Flaw::NoForeignKeys => {
                catalog.writer = pool(1, options.foreign_keys(false)).await.unwrap();
            }
            Flaw::OrderOfIds => {
                let by_id = "CREATE TRIGGER by_id AFTER INSERT ON objects BEGIN \
                    UPDATE objects SET place = unicode(substr(hex(object), 2)) * 1000 + unicode(hex(object)) \
                    WHERE object = NEW.object; END";
                sql::raw(by_id).execute(&catalog.writer).await.unwrap();
            }
            Flaw::OneConnection => catalog.readers = catalog.writer.clone(),
            Flaw::RemovalsNotCounted => {
                for trigger in ["objects_deleted", "objects_retired"] {
                    let drop = sql::AssertSqlSafe(format!("DROP TRIGGER {trigger}"));
                    sql::raw(drop).execute(&catalog.writer).await.unwrap();
                }
            }
        }
        *catalog.faults.flaw.lock() = Some(flaw);
        catalog
    }

    pub(super) async fn spoiled_snapshot(&self, tx: Transaction) -> Transaction {
        self.spoiled(Flaw::SnapshotsOfManyMoments, tx).await
    }

    pub(super) async fn spoiled_write(&self, tx: Transaction) -> Transaction {
        self.spoiled(Flaw::WritesWithoutTransaction, tx).await
    }

    /// Begins the transaction again, so that the commit succeeds.
    pub(super) async fn mended(&self, mut tx: Transaction) -> Transaction {
        if self.has(Flaw::WritesWithoutTransaction) {
            sql::raw("BEGIN").execute(&mut *tx).await.unwrap();
        }
        tx
    }

    async fn spoiled(&self, flaw: Flaw, mut tx: Transaction) -> Transaction {
        if self.has(flaw) {
            sql::raw("COMMIT").execute(&mut *tx).await.unwrap();
        }
        tx
    }

    fn has(&self, flaw: Flaw) -> bool {
        *self.faults.flaw.lock() == Some(flaw)
    }
}
