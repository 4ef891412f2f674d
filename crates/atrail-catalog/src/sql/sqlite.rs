//! SQLite.

use std::path::Path;
use std::time::Duration;

use atrail_disk::Result as StoreResult;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Sqlite};

use super::driver::{self, runs_statements};
use super::row::Row;
use super::{COUNTERS, Pool, Pools, READERS};
use crate::failure::failed_to;
use crate::log_file::MOVED_BY_WRITERS_AT_PAGES;

/// For how long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(10);

runs_statements! {
    database: Sqlite,
    pool: SqlitePool,
    arguments: SqliteArguments,
    row: Row::Sqlite,
    text: std::convert::identity,
    failure: std::convert::identity,
    unbegun: undo_unbegun,
}

/// The library undoes what began, and [`is_usable`] closes a connection that is in a transaction nevertheless.
fn undo_unbegun(connection: &mut SqliteConnection) {
    driver::undo::<Sqlite>(connection);
}

/// Opens the catalog in this file, and creates it when needed. The connections for reads with nobody waiting for them are
/// opened when they are first needed.
pub(crate) async fn open(file: &Path) -> StoreResult<Pools> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .pragma("wal_autocheckpoint", MOVED_BY_WRITERS_AT_PAGES)
        .pragma("cache_size", "-8192");
    let writer = pool(1, options.clone()).await?;
    // The background moves the log over this connection.
    let unsynced = options
        .clone()
        .synchronous(SqliteSynchronous::Normal)
        .pragma("wal_autocheckpoint", "0");
    let read_only = options.read_only(true);
    Ok(Pools {
        writer,
        unsynced: lazy_pool(1, unsynced),
        counters: lazy_pool(COUNTERS, read_only.clone()),
        readers: pool(READERS, read_only).await?,
    })
}

/// Opens an existing catalog over one connection that only reads.
pub(crate) async fn open_read_only(file: &Path) -> StoreResult<Pool> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .busy_timeout(BUSY);
    pool(1, options).await
}

/// Opens a catalog whose file is in memory, and need not be synced.
pub(crate) async fn open_unsynced(file: &Path) -> StoreResult<Pools> {
    let options = unsynced_options(file);
    let read_only = options.clone().read_only(true);
    Ok(Pools {
        writer: pool(1, options.clone()).await?,
        unsynced: lazy_pool(1, options),
        // Each connection is opened on demand: most tests never read twice at once.
        readers: lazy_pool(READERS, read_only.clone()),
        counters: lazy_pool(COUNTERS, read_only),
    })
}

/// Creates a catalog whose file is in memory.
pub(crate) async fn create_unsynced(file: &Path) -> StoreResult<Pool> {
    pool(1, unsynced_options(file).create_if_missing(true)).await
}

pub(crate) fn unsynced_options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(true)
        .busy_timeout(BUSY)
}

/// Returns an empty database that only this pool reaches.
#[cfg(test)]
pub(crate) async fn in_memory() -> Pool {
    let options = SqliteConnectOptions::new()
        .in_memory(true)
        .foreign_keys(true);
    pool(1, options).await.expect("SQLite opens")
}

/// Opens a pool of this many connections, one of them at once.
pub(crate) async fn pool(connections: u32, options: SqliteConnectOptions) -> StoreResult<Pool> {
    let pool = pool_options(connections).min_connections(1);
    let opened = pool.connect_with(options).await;
    opened
        .map(Pool::Sqlite)
        .map_err(failed_to("open its database"))
}

fn lazy_pool(connections: u32, options: SqliteConnectOptions) -> Pool {
    Pool::Sqlite(pool_options(connections).connect_lazy_with(options))
}

fn pool_options(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        // The pool has tested the connection when it was released, and no server is at the other end that may have gone
        // since: another test would cost each transaction a turn of the connection's thread.
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_usable(connection)))
}

/// Reports whether a connection can begin a transaction; if not, it is closed, and the next caller gets a new one.
///
/// After some errors, such as a full disk, SQLite has rolled back on its own. The library's own rollback then fails,
/// and the library counts a transaction that does not exist for as long as the connection lives.
async fn is_usable(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // Without a transaction nothing can be queued, and a ping would cost a turn of the connection's thread.
    if connection.is_in_transaction() {
        // All work queued for the connection is done when it answers, including a rollback.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}
