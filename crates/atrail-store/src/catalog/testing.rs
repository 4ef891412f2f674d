//! Lets tests inspect and break a catalog.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use atrail_disk::Result;
use parking_lot::Mutex;
use sqlx::{Sqlite, Transaction};

use super::failure::failed_to;
use super::view::Write;
use super::{Catalog, memory, pool};

type Begun = Transaction<'static, Sqlite>;

/// The faults that a test planted.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Operations that succeed and are then reported as failed, once each.
    misreported: Mutex<Vec<&'static str>>,
    /// The promise that every transaction breaks.
    flaw: Mutex<Option<Flaw>>,
}

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
    /// Runs statements in a transaction.
    pub(crate) async fn run(&self, sql: &'static str) {
        let mut write = self.write("run what a test wants").await.unwrap();
        write.run(sql).await;
        write.commit().await.unwrap();
    }

    /// Returns the number that a query yields.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        let row = sqlx::query_as(sql).fetch_one(self.readers()).await;
        let (number,): (i64,) = row.unwrap();
        number
    }

    /// Closes the readers: from here on the catalog cannot be read.
    pub(crate) async fn close_readers(&self) {
        self.readers.close().await;
    }

    /// Reports the next operation of this name as failed, although it is done.
    pub(crate) fn misreport(&self, what: &'static str) {
        self.faults.misreported.lock().push(what);
    }

    pub(super) fn told_of(&self, what: &'static str) -> Result<()> {
        let mut misreported = self.faults.misreported.lock();
        let Some(at) = misreported.iter().position(|one| *one == what) else {
            return Ok(());
        };
        misreported.remove(at);
        Err(failed_to(what)(sqlx::Error::PoolTimedOut))
    }

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

impl Write {
    /// Runs statements in this transaction.
    pub(crate) async fn run(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut *self.0).await.unwrap();
    }
}
