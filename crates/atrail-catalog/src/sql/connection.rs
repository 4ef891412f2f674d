//! Pools, connections and transactions.

use std::ops::{Deref, DerefMut};

use sqlx::SqlSafeStr;
use sqlx::sqlite::SqlitePool;

#[cfg(feature = "cluster")]
use super::postgres;
use super::{Error, sqlite};

/// Begins a transaction that only reads, on SQLite.
const BEGIN_READ: &str = "BEGIN";
/// Begins a transaction that writes, on SQLite.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Connections to one database; clones share them.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    #[cfg(feature = "cluster")]
    Postgres(postgres::Lent),
}

/// A connection, in a transaction or not.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(sqlite::Held),
    #[cfg(feature = "cluster")]
    Postgres(postgres::Held),
}

/// A connection that goes back to its pool when it is dropped.
#[derive(Debug)]
pub(crate) struct PoolConnection {
    connection: Connection,
    #[cfg(feature = "cluster")]
    begin_write: Option<sqlx::SqlStr>,
}

/// A transaction. Dropping it without a commit undoes its writes.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: Connection,
}

impl Pool {
    /// Reports whether it is SQLite's, which keeps a log that the catalog tends.
    pub(crate) const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Waits for a connection.
    pub(crate) async fn acquire(&self) -> Result<PoolConnection, Error> {
        match self {
            Self::Sqlite(pool) => Ok(PoolConnection {
                connection: Connection::Sqlite(pool.acquire().await?.into()),
                #[cfg(feature = "cluster")]
                begin_write: None,
            }),
            #[cfg(feature = "cluster")]
            Self::Postgres(lent) => Ok(PoolConnection {
                connection: Connection::Postgres(lent.acquire().await?),
                begin_write: Some(lent.begin_write.clone()),
            }),
        }
    }

    /// Begins a transaction that only reads, and sees one moment.
    pub(crate) async fn begin_read(&self) -> Result<Transaction, Error> {
        let connection = match self {
            Self::Sqlite(pool) => {
                let held = sqlite::Held::from(pool.acquire().await?);
                Connection::Sqlite(held.begin(BEGIN_READ.into_sql_str()).await?)
            }
            #[cfg(feature = "cluster")]
            Self::Postgres(lent) => Connection::Postgres(lent.begin_read().await?),
        };
        Ok(Transaction { connection })
    }

    /// Begins a transaction that writes, once no other does.
    pub(crate) async fn begin_write(&self) -> Result<Transaction, Error> {
        let connection = match self {
            Self::Sqlite(pool) => {
                let held = sqlite::Held::from(pool.acquire().await?);
                Connection::Sqlite(held.begin(BEGIN_WRITE.into_sql_str()).await?)
            }
            #[cfg(feature = "cluster")]
            Self::Postgres(lent) => Connection::Postgres(lent.begin_write().await?),
        };
        Ok(Transaction { connection })
    }

    /// Returns further connections to the same PostgreSQL.
    #[cfg(feature = "cluster")]
    pub(crate) fn beside(&self, connections: u32) -> Option<Self> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(lent) => Some(Self::Postgres(lent.beside(connections))),
        }
    }

    /// As [`Self::beside`], but transactions that write begin with the lock of the shared log's sequencer.
    #[cfg(feature = "cluster")]
    pub(crate) fn locking(&self, connections: u32) -> Option<Self> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(lent) => Some(Self::Postgres(lent.locking(connections))),
        }
    }

    /// Reports whether it is closed.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Sqlite(pool) => pool.is_closed(),
            #[cfg(feature = "cluster")]
            Self::Postgres(lent) => lent.pool.is_closed(),
        }
    }

    /// Waits for the connections that are in use, then closes all.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            #[cfg(feature = "cluster")]
            Self::Postgres(lent) => lent.pool.close().await,
        }
    }
}

impl Connection {
    /// Reports whether it is SQLite's.
    pub(crate) const fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

impl PoolConnection {
    /// Begins a transaction that writes, once no other does.
    pub(crate) async fn begin_write(self) -> Result<Transaction, Error> {
        let connection = match self.connection {
            Connection::Sqlite(held) => {
                Connection::Sqlite(held.begin(BEGIN_WRITE.into_sql_str()).await?)
            }
            #[cfg(feature = "cluster")]
            Connection::Postgres(held) => match self.begin_write {
                Some(begin) => Connection::Postgres(held.begin_to_the_end(begin).await?),
                None => Connection::Postgres(held),
            },
        };
        Ok(Transaction { connection })
    }
}

impl Transaction {
    /// Makes its writes durable.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        match self.connection {
            Connection::Sqlite(held) => held.commit().await,
            #[cfg(feature = "cluster")]
            Connection::Postgres(held) => held.commit_unless_failed().await,
        }
    }
}

macro_rules! is_connection {
    ($($owner:ty),+) => {$(
        impl Deref for $owner {
            type Target = Connection;

            fn deref(&self) -> &Connection {
                &self.connection
            }
        }

        impl DerefMut for $owner {
            fn deref_mut(&mut self) -> &mut Connection {
                &mut self.connection
            }
        }
    )+};
}
is_connection!(PoolConnection, Transaction);
