//! Transactions that become durable only with a later one.
//!
//! The texts of a long session are megabytes, and worthless until a transaction inserts the session. So their own
//! transactions are not synced. SQLite appends all transactions to one write-ahead log, and each frame's checksum
//! covers the frames before it. The sync of any later transaction therefore covers the texts, and if a power loss tears
//! the log, SQLite drops everything after the tear. No state of the disk has the session without its texts.
//! (`synchronous=NORMAL`, <https://www.sqlite.org/wal.html#performance_considerations>; SQLite still syncs its
//! checkpoints.)

use atrail_disk::Result;

use super::Catalog;
use super::failure::failed_to;
use super::log_file::Upkeep;
use crate::sql::{Connection, PoolConnection, Transaction};

/// A transaction that is not synced.
pub(super) struct UnsyncedTx {
    tx: Transaction,
    /// The connection of the synced transactions: no other transaction writes while this one is held.
    _turn: PoolConnection,
    what: &'static str,
    upkeep: Upkeep,
}

impl UnsyncedTx {
    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.tx
    }

    /// Makes its writes visible. They become durable with the next synced transaction.
    pub(super) async fn commit(self) -> Result<()> {
        let committed = self.tx.commit().await.map_err(failed_to(self.what));
        self.upkeep.note_commit();
        committed
    }
}

impl Catalog {
    /// Begins a transaction that becomes durable only with a later one, once no other is in progress. Who needs both
    /// connections takes the one of these transactions before the writer's.
    pub(super) async fn begin_unsynced(&self, what: &'static str) -> Result<UnsyncedTx> {
        self.anchors.check()?;
        // In this order, as whoever moves the log: mostly it has only the first, and other writers must not wait for that.
        let own = self.unsynced.acquire().await.map_err(failed_to(what))?;
        let turn = self.writer.acquire().await.map_err(failed_to(what))?;
        Ok(UnsyncedTx {
            tx: own.begin_write().await.map_err(failed_to(what))?,
            _turn: turn,
            what,
            upkeep: self.upkeep.clone(),
        })
    }
}
