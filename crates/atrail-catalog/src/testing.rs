//! Catalogs that break a promise, for the controls of the suite.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sqlx::{Sqlite, Transaction};

use super::{Catalog, memory, pool};

type Begun = Transaction<'static, Sqlite>;

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
        let mut catalog = Self::open_in_memory().await.unwrap();
        let file = catalog.home.as_ref().unwrap().file();
        let options = memory::options(&file);
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
                sqlx::raw_sql(by_id).execute(&catalog.writer).await.unwrap();
            }
            Flaw::OneConnection => catalog.readers = catalog.writer.clone(),
            Flaw::RemovalsNotCounted => {
                for trigger in ["objects_deleted", "objects_retired"] {
                    let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"));
                    sqlx::raw_sql(drop).execute(&catalog.writer).await.unwrap();
                }
            }
        }
        *catalog.faults.flaw.lock() = Some(flaw);
        catalog
    }

    pub(super) async fn spoiled_snapshot(&self, tx: Begun) -> Begun {
        self.spoiled(Flaw::SnapshotsOfManyMoments, tx).await
    }

    pub(super) async fn spoiled_write(&self, tx: Begun) -> Begun {
        self.spoiled(Flaw::WritesWithoutTransaction, tx).await
    }

    /// Begins the transaction again, so that the commit succeeds.
    pub(super) async fn mended(&self, mut tx: Begun) -> Begun {
        if self.has(Flaw::WritesWithoutTransaction) {
            sqlx::raw_sql("BEGIN").execute(&mut *tx).await.unwrap();
        }
        tx
    }

    async fn spoiled(&self, flaw: Flaw, mut tx: Begun) -> Begun {
        if self.has(flaw) {
            sqlx::raw_sql("COMMIT").execute(&mut *tx).await.unwrap();
        }
        tx
    }

    fn has(&self, flaw: Flaw) -> bool {
        *self.faults.flaw.lock() == Some(flaw)
    }
}
