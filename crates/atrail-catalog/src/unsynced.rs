//! Transactions that become durable only with a later one.
//!
//! The texts of a long session are megabytes, and worthless until a transaction inserts the session. So their own
//! transactions are not synced. SQLite appends all transactions to one write-ahead log, and each frame's checksum
//! covers the frames before it. The sync of any later transaction therefore covers the texts, and if a power loss tears
//! the log, SQLite drops everything after the tear. No state of the disk has the session without its texts.
//! (`synchronous=NORMAL`, <https://www.sqlite.org/wal.html#performance_considerations>; SQLite still syncs its
//! checkpoints.)

use std::sync::atomic::Ordering;

use atrail_disk::{Result, chain, durable, io_failure, off_thread};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{SqlSafeStr, Sqlite, Transaction};

use super::Catalog;
use super::failure::failed_to;

/// A transaction that is not synced.
pub(super) struct UnsyncedTx {
    tx: Transaction<'static, Sqlite>,
    /// The connection of the synced transactions: no other transaction writes while this one is held.
    _turn: PoolConnection<Sqlite>,
    what: &'static str,
}

impl UnsyncedTx {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }

    /// Makes its writes visible. They become durable with the next synced transaction.
    pub(super) async fn commit(self) -> Result<()> {
        self.tx.commit().await.map_err(failed_to(self.what))
    }
}

/// Returns the options for the connection of these transactions, given those of the synced ones. A commit on it never
/// moves the log into the database while others wait: [`Catalog::move_from_log`] does that.
pub(super) fn options(synced: SqliteConnectOptions) -> SqliteConnectOptions {
    synced
        .synchronous(SqliteSynchronous::Normal)
        .pragma("wal_autocheckpoint", "0")
}

impl Catalog {
    /// Begins a transaction that becomes durable only with a later one, once no other is in progress.
    pub(super) async fn begin_unsynced(&self, what: &'static str) -> Result<UnsyncedTx> {
        self.anchors.check()?;
        // In this order: whoever moves the log has only the first, and other writers must not wait for that.
        let own = self.unsynced.acquire().await.map_err(failed_to(what))?;
        let turn = self.writer.acquire().await.map_err(failed_to(what))?;
        let tx = Transaction::begin(own, Some("BEGIN IMMEDIATE".into_sql_str()));
        Ok(UnsyncedTx {
            tx: tx.await.map_err(failed_to(what))?,
            _turn: turn,
            what,
        })
    }

    /// Syncs the database's log and moves it into the database, beside other readers and writers. Otherwise one of the
    /// writers would have to do it when it commits.
    pub(super) async fn move_from_log(&self) {
        let moving = sqlx::raw_sql("PRAGMA wal_checkpoint(PASSIVE)");
        if let Err(error) = moving.execute(&self.unsynced).await {
            // A later writer does it, or reports why it cannot.
            tracing::warn!(%error, "the catalog's log could not be moved into it");
        }
    }

    /// Syncs the database's log beside other readers and writers, so that the next of their transactions has only its own
    /// bytes to sync.
    pub(super) async fn sync_log(&self) {
        let Some(log) = self.log.clone() else { return };
        let synced = off_thread(move || durable::sync_file(&log).map_err(io_failure("sync", &log)));
        if let Err(error) = synced.await {
            // The next synced transaction does it, or reports why it cannot be done.
            tracing::warn!(
                error = chain(&error),
                "the catalog's log could not be synced"
            );
        }
    }

    /// Notes that texts are in the database's log, which [`Self::move_texts_from_log`] then moves.
    pub(super) fn note_texts_in_log(&self) {
        self.has_texts_in_log.store(true, Ordering::Relaxed);
    }

    /// Moves texts from the database's log into the database, a moment after their session was made: a commit of somebody
    /// else would otherwise have to, and the download that follows would wait for the disk.
    pub async fn move_texts_from_log(&self) {
        if self.has_texts_in_log.swap(false, Ordering::Relaxed) {
            self.move_from_log().await;
        }
    }
}
