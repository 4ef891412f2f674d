//! Pools, connections and transactions.

use std::ops::{Deref, DerefMut};

use sqlx::SqlSafeStr;
use sqlx::sqlite::SqlitePool;

use super::Error;
use super::sqlite;

/// Connections to one database; clones share them.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
}

/// A connection, in a transaction or not.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(sqlite::Held),
}

/// A connection that goes back to its pool when it is dropped.
#[derive(Debug)]
pub(crate) struct PoolConnection(Connection);

/// A transaction. Dropping it without a commit undoes its writes.
#[derive(Debug)]
pub(crate) struct Transaction(Connection);

impl Pool {
    /// Waits for a connection.
    pub(crate) async fn acquire(&self) -> Result<PoolConnection, Error> {
        match self {
            Self::Sqlite(pool) => {
                let connection = pool.acquire().await?;
                Ok(PoolConnection(Connection::Sqlite(sqlite::Held::Idle(
                    connection,
                ))))
            }
        }
    }

    /// Begins a transaction that only reads, and sees one moment.
    pub(crate) async fn begin_read(&self) -> Result<Transaction, Error> {
        match self {
            Self::Sqlite(pool) => Ok(Transaction::of(pool.begin().await?)),
        }
    }

    /// Begins a transaction that writes, once no other does.
    pub(crate) async fn begin_write(&self) -> Result<Transaction, Error> {
        match self {
            Self::Sqlite(pool) => Ok(Transaction::of(pool.begin_with("BEGIN IMMEDIATE").await?)),
        }
    }

    /// Reports whether it is closed.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Sqlite(pool) => pool.is_closed(),
        }
    }

    /// Waits for the connections that are in use, then closes all.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
        }
    }
}

impl PoolConnection {
    /// Begins a transaction that writes, once no other does.
    pub(crate) async fn begin_write(self) -> Result<Transaction, Error> {
        match self.0 {
            Connection::Sqlite(sqlite::Held::Idle(connection)) => {
                let begin = Some("BEGIN IMMEDIATE".into_sql_str());
                Ok(Transaction::of(
                    sqlx::Transaction::begin(connection, begin).await?,
                ))
            }
            Connection::Sqlite(held @ sqlite::Held::InTransaction(_)) => {
                Ok(Transaction(Connection::Sqlite(held)))
            }
        }
    }
}

impl Transaction {
    fn of(tx: sqlx::Transaction<'static, sqlx::Sqlite>) -> Self {
        Self(Connection::Sqlite(sqlite::Held::InTransaction(tx)))
    }

    /// Makes its writes durable.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        match self.0 {
            Connection::Sqlite(sqlite::Held::InTransaction(tx)) => tx.commit().await,
            Connection::Sqlite(sqlite::Held::Idle(_)) => Ok(()),
        }
    }
}

macro_rules! is_connection {
    ($($owner:ty),+) => {$(
        impl Deref for $owner {
            type Target = Connection;

            fn deref(&self) -> &Connection {
                &self.0
            }
        }

        impl DerefMut for $owner {
            fn deref_mut(&mut self) -> &mut Connection {
                &mut self.0
            }
        }
    )+};
}
is_connection!(PoolConnection, Transaction);
