//! Transactions that are durable only with a later one.
//!
//! The texts of a long session are megabytes, and worth nothing before the transaction that inserts the session. So their own
//! transactions are not synced. SQLite writes all of them to its write-ahead log in order, and each frame's checksum covers
//! those before it: the sync of any later transaction covers them, and of a log that a power loss tore everything after the tear is
//! dropped with it. There is no state of the disk in which the session counts and its texts do not.
//! (`synchronous=NORMAL`, <https://www.sqlite.org/wal.html#performance_considerations>; checkpoints are synced all the same.)

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};

use super::Catalog;
use super::failure::failed_to;
use crate::error::Result;

/// A transaction that is not synced.
pub(super) struct UnsyncedTx {
    tx: Transaction<'static, Sqlite>,
    /// The connection of those that are: nobody else writes while it is held.
    _turn: PoolConnection<Sqlite>,
    what: &'static str,
}

impl UnsyncedTx {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }

    /// Lets others see what it wrote. It is durable with the next transaction that is.
    pub(super) async fn commit(self) -> Result<()> {
        self.tx.commit().await.map_err(failed_to(self.what))
    }
}

/// How the connection of these transactions is opened, where the others are opened like this. It does not move what it wrote from
/// the log into the database while others wait for it: [`Catalog::move_from_log`] does.
pub(super) fn options(synced: SqliteConnectOptions) -> SqliteConnectOptions {
    synced
        .synchronous(SqliteSynchronous::Normal)
        .pragma("wal_autocheckpoint", "0")
}

impl Catalog {
    /// Begins a transaction that is durable only with a later one, when no other one is under way.
    pub(super) async fn begin_unsynced(&self, what: &'static str) -> Result<UnsyncedTx> {
        self.anchors.check()?;
        let turn = self.writer.acquire().await.map_err(failed_to(what))?;
        let tx = self.unsynced.begin_with("BEGIN IMMEDIATE").await;
        Ok(UnsyncedTx {
            tx: tx.map_err(failed_to(what))?,
            _turn: turn,
            what,
        })
    }

    /// Syncs the database's log, and moves what it has into the database, beside others that read and write: else one of them
    /// would have to do it when it commits.
    pub(super) async fn move_from_log(&self) {
        let moving = sqlx::raw_sql("PRAGMA wal_checkpoint(PASSIVE)");
        if let Err(error) = moving.execute(&self.unsynced).await {
            // Whoever writes next does it, or finds out that it cannot be done.
            tracing::warn!(%error, "the catalog's log could not be moved into it");
        }
    }
}
