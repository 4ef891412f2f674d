//! SQLite's write-ahead log: who moves it into the database, and when.
//!
//! By itself SQLite moves the log in the commit that makes it long, and that commit's caller waits for the disk, be it a
//! login. Here the background moves it, over a connection of its own, beside readers and writers. SQLite begins the log
//! anew once all of it is moved and no snapshot reads it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::sync::Notify;

use super::Catalog;
use super::failure::failed_to;
use crate::sql::{self, Connection};
use atrail_disk::{Result, chain, durable, io_failure, off_thread};

/// From this many pages on, 4 MiB, the background moves the log: the disk is not occupied for long.
const MOVED_AT_PAGES: u64 = 1_000;
/// From this many pages on that could not be moved beside the writers, the background moves the rest while nobody
/// writes: the log would never be empty while somebody always writes.
const MOVED_ALONE_AT_PAGES: i64 = 4_000;
/// From this many pages on, 64 MiB, a commit moves the log, because the background could not.
pub(super) const MOVED_BY_WRITERS_AT_PAGES: &str = "16384";

const MOVE: &str = "move its log";

/// The log's upkeep: clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Upkeep(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_written: Notify,
    has_texts: AtomicBool,
    /// How many pages of the log were in the database after the last try.
    moved: AtomicI64,
}

impl Upkeep {
    /// Records that a transaction was committed.
    pub(super) fn note_commit(&self) {
        self.0.is_written.notify_one();
    }

    /// Records that texts are in the log, which [`Catalog::move_texts_from_log`] then moves.
    pub(super) fn note_texts(&self) {
        self.0.has_texts.store(true, Ordering::Relaxed);
    }
}

impl Catalog {
    /// Waits until somebody has written since the last wait.
    pub async fn wait_for_commit(&self) {
        self.upkeep.0.is_written.notified().await;
    }

    /// Moves the log into the database if it is long.
    pub async fn tend_log(&self) {
        let Some(log) = self.log.clone() else { return };
        // Unreadable: SQLite itself then reports it to whoever writes.
        let is_long = off_thread(move || Ok(has_pages(&log, MOVED_AT_PAGES).unwrap_or(false)));
        if is_long.await.unwrap_or(false) {
            self.move_from_log().await;
        }
    }

    /// Syncs the database's log and moves it into the database, beside other readers and writers. Otherwise one of the
    /// writers would have to do it when it commits.
    pub(super) async fn move_from_log(&self) {
        if !self.writer.is_sqlite() {
            return;
        }
        if let Err(error) = self.try_to_move().await {
            // A later writer does it, or reports why it cannot.
            tracing::warn!(
                error = chain(&error),
                "the catalog's log could not be moved into it"
            );
        }
    }

    /// Takes its own connection first and then perhaps the writer's, in the order of [`Self::begin_unsynced`]: in the other
    /// one, each of both could wait for the other.
    async fn try_to_move(&self) -> Result<()> {
        let mut own = self.unsynced.acquire().await.map_err(failed_to(MOVE))?;
        let (left, moved) = move_pages(&mut own).await?;
        let moved_before = self.upkeep.0.moved.swap(moved, Ordering::Relaxed);
        // Where nothing more could be moved, a snapshot keeps it, and writers would wait for nothing.
        if left >= MOVED_ALONE_AT_PAGES && moved != moved_before {
            let _nobody_writes = self.writer.acquire().await.map_err(failed_to(MOVE))?;
            let (_, moved) = move_pages(&mut own).await?;
            self.upkeep.0.moved.store(moved, Ordering::Relaxed);
        }
        Ok(())
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

    /// Moves texts from the database's log into the database, a moment after their session was made: a commit of somebody
    /// else would otherwise have to, and the download that follows would wait for the disk.
    pub async fn move_texts_from_log(&self) {
        if self.upkeep.0.has_texts.swap(false, Ordering::Relaxed) {
            self.move_from_log().await;
        }
    }
}

/// Moves what no snapshot keeps in the log; returns the numbers of its pages that are left, and that are moved.
async fn move_pages(connection: &mut Connection) -> Result<(i64, i64)> {
    let moving = sql::query_as("PRAGMA wal_checkpoint(PASSIVE)");
    let moved = moving.fetch_one(connection).await;
    let (_, in_log, moved): (i64, i64, i64) = moved.map_err(failed_to(MOVE))?;
    Ok((in_log - moved, moved))
}

/// Reports whether a log has this many pages since it last began anew (<https://www.sqlite.org/fileformat2.html#walformat>):
/// then the last of them has the salt of the log's header.
fn has_pages(log: &Path, pages: u64) -> io::Result<bool> {
    const HEADER_BYTES: u64 = 32;
    const FRAME_HEADER_BYTES: u64 = 24;
    let file = File::open(log)?;
    let (mut header, mut frame) = ([0_u8; 32], [0_u8; 16]);
    let last = |page_bytes: u64| {
        HEADER_BYTES + pages.saturating_sub(1) * (FRAME_HEADER_BYTES + page_bytes)
    };
    let read = file.read_exact_at(&mut header, 0).and_then(|()| {
        let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = header;
        file.read_exact_at(&mut frame, last(u32::from_be_bytes([a, b, c, d]).into()))
    });
    match read {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| frame[8..16] == header[16..24]),
    }
}

#[cfg(test)]
mod tests;
