//! The one way to a database: connections, statements, values and rows that name no driver.
//!
//! The rest of the crate writes one SQL text, with `?` and `?n` for parameters, and this layer sends it to whichever
//! database the catalog is in. A value has one form for every driver: integers are 64 bits wide, ids and hashes are bytes,
//! and truth values are truth values. So a statement means the same everywhere, and no type of a driver appears in the
//! signatures above.

mod connection;
mod database_error;
#[cfg(any(test, feature = "cluster"))]
mod dialect;
mod driver;
#[cfg(feature = "cluster")]
pub(crate) mod postgres;
mod query;
mod row;
pub(crate) mod sqlite;
mod statement;
mod value;

pub(crate) use connection::{Connection, Pool, PoolConnection, Transaction};
pub(crate) use database_error::{database_error, has_nul, is_taken};
pub(crate) use query::{On, Query, query, query_as, raw};
pub(crate) use row::Row;
pub(crate) use statement::Statement;
pub(crate) use value::is_storable;
#[cfg(feature = "cluster")]
pub(crate) use value::{Bind, Value};

#[cfg(any(test, feature = "cluster"))]
pub(crate) use sqlx::AssertSqlSafe;
pub(crate) use sqlx::Error;

/// Number of read-only connections, and so of simultaneous snapshots.
const READERS: u32 = 4;
/// Number of read-only connections besides, for reads that others wait for.
const COUNTERS: u32 = 2;

/// The connections of a catalog.
#[derive(Debug, Clone)]
pub(crate) struct Pools {
    /// One connection: one transaction writes at a time.
    pub(crate) writer: Pool,
    /// For transactions that become durable only with a later one. Its user holds the writer.
    pub(crate) unsynced: Pool,
    pub(crate) readers: Pool,
    /// For counts and other reads that somebody waits for.
    pub(crate) counters: Pool,
}

impl Pools {
    /// Reports whether none is closed.
    pub(crate) fn are_open(&self) -> bool {
        let all = [&self.writer, &self.unsynced, &self.readers, &self.counters];
        all.iter().all(|pool| !pool.is_closed())
    }
}
