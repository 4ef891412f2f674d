//! SQLite.

use std::path::Path;
use std::time::Duration;

use atrail_disk::Result as StoreResult;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Arguments, Connection, SqlStr, Sqlite, Transaction};

use super::row::Row;
use super::value::Value;
use super::{COUNTERS, Error, Pool, Pools, READERS};
use crate::failure::failed_to;
use crate::log_file::MOVED_BY_WRITERS_AT_PAGES;

/// For how long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(10);

/// A connection of a pool, in a transaction or not.
#[derive(Debug)]
pub(crate) enum Held {
    Idle(PoolConnection<Sqlite>),
    InTransaction(Transaction<'static, Sqlite>),
}

impl Held {
    fn connection(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Idle(connection) => connection,
            Self::InTransaction(tx) => tx,
        }
    }
}

/// What runs a statement.
pub(crate) enum On<'e> {
    Connection(&'e mut Held),
    Pool(&'e SqlitePool),
}

/// Waits for a method of the library's query, called with what runs it.
macro_rules! run {
    ($query:expr, $on:expr, $method:ident) => {
        match $on {
            On::Connection(held) => $query.$method(held.connection()).await,
            On::Pool(pool) => $query.$method(pool).await,
        }
    };
}

fn with(sql: SqlStr, values: Vec<Value>) -> Result<Query<'static, Sqlite, SqliteArguments>, Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Integer(value) => arguments.add(value),
            Value::Truth(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
        }
        .map_err(Error::Encode)?;
    }
    Ok(sqlx::query_with(sql, arguments))
}

pub(super) async fn execute(sql: SqlStr, values: Vec<Value>, on: On<'_>) -> Result<u64, Error> {
    let query = with(sql, values)?;
    let done = run!(query, on, execute)?;
    Ok(done.rows_affected())
}

pub(super) async fn execute_raw(sql: SqlStr, on: On<'_>) -> Result<(), Error> {
    let statements = sqlx::raw_sql(sql);
    run!(statements, on, execute)?;
    Ok(())
}

pub(super) async fn fetch_all(
    sql: SqlStr,
    values: Vec<Value>,
    on: On<'_>,
) -> Result<Vec<Row>, Error> {
    let query = with(sql, values)?;
    let rows = run!(query, on, fetch_all)?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

pub(super) async fn fetch_optional(
    sql: SqlStr,
    values: Vec<Value>,
    on: On<'_>,
) -> Result<Option<Row>, Error> {
    let query = with(sql, values)?;
    let row = run!(query, on, fetch_optional)?;
    Ok(row.map(Row::Sqlite))
}

pub(super) fn fetch<'e>(
    sql: SqlStr,
    values: Vec<Value>,
    on: On<'e>,
) -> BoxStream<'e, Result<Row, Error>> {
    let rows = match (with(sql, values), on) {
        (Ok(query), On::Connection(held)) => query.fetch(held.connection()),
        (Ok(query), On::Pool(pool)) => query.fetch(pool),
        (Err(error), _) => return futures_util::stream::iter([Err(error)]).boxed(),
    };
    rows.map(|row| row.map(Row::Sqlite)).boxed()
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
