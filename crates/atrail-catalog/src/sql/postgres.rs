//! PostgreSQL.
//!
//! One transaction writes at a time, as on SQLite: each takes the same advisory lock before it looks at anything. It runs
//! at READ COMMITTED, whose statements see what was committed before them, and so everything that was committed before
//! the lock. A transaction that only reads runs at REPEATABLE READ: it sees one moment.

use std::io;

use sqlx::postgres::{PgArguments, PgConnection, PgPool, Postgres};
use sqlx::{AssertSqlSafe, Connection as _, Error, SqlSafeStr, SqlStr};

use super::dialect;
use super::driver::runs_statements;
use super::row::Row;

pub(super) mod integer;
mod node;
mod open;
mod shared;

pub(crate) use node::Node;
pub(crate) use open::{Home, is_away, open};
pub(crate) use shared::{Shared, join};

runs_statements! {
    database: Postgres,
    connection: PgConnection,
    pool: PgPool,
    arguments: PgArguments,
    row: Row::Postgres,
    text: own_text,
    failure: of_server,
}

/// Begins a transaction that only reads.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

fn own_text(sql: SqlStr) -> SqlStr {
    AssertSqlSafe(dialect::to_postgres(sql.as_str())).into_sql_str()
}

/// Says that it was PostgreSQL for which a connection was waited in vain.
fn of_server(error: Error) -> Error {
    if matches!(error, Error::PoolTimedOut) {
        let why = "PostgreSQL does not answer, or all connections to it are in use";
        return Error::Io(io::Error::new(io::ErrorKind::TimedOut, why));
    }
    error
}

/// A pool, and how its transactions begin.
#[derive(Debug, Clone)]
pub(crate) struct Lent {
    pub(super) pool: PgPool,
    /// How a transaction of this node that writes begins.
    pub(super) begin_write: Begin,
}

/// How a transaction that writes begins.
#[derive(Debug, Clone)]
pub(crate) enum Begin {
    /// With this text, in one message. When it fails, or nobody waits for it any more, the connection may stay in a
    /// transaction, and keep the lock, until its next use: that harms nobody as long as only this connection writes.
    AtOnce(SqlStr),
    /// With a message that begins it and this one, whose failure undoes the transaction.
    InTurn(SqlStr),
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

impl Begin {
    /// Returns the statement that begins a transaction.
    fn first(&self) -> SqlStr {
        match self {
            Self::AtOnce(text) => text.clone(),
            Self::InTurn(_) => BEGIN.into_sql_str(),
        }
    }

    /// Completes the beginning of a transaction.
    async fn complete(&self, mut held: Held) -> Result<Held, Error> {
        if let Self::InTurn(text) = self {
            execute_raw(text.clone(), On::Connection(&mut held)).await?;
        }
        Ok(held)
    }

    /// Begins a transaction on a connection, unless one is in progress.
    pub(super) async fn on(&self, held: Held) -> Result<Held, Error> {
        if held.is_in_transaction() {
            return Ok(held);
        }
        self.complete(held.begin(self.first()).await?).await
    }
}

impl Lent {
    pub(super) async fn acquire(&self) -> Result<Held, Error> {
        let acquired = self.pool.acquire().await;
        Ok(acquired.map_err(of_server)?.into())
    }

    pub(super) async fn begin_read(&self) -> Result<Held, Error> {
        self.begin(BEGIN_READ.into_sql_str()).await
    }

    pub(super) async fn begin_write(&self) -> Result<Held, Error> {
        let held = self.begin(self.begin_write.first()).await?;
        self.begin_write.complete(held).await
    }

    /// Begins a transaction. A connection may have been lost since its last use: nothing was done yet, so another one is
    /// used.
    async fn begin(&self, begin: SqlStr) -> Result<Held, Error> {
        for _ in 0..self.pool.options().get_max_connections() {
            match self.pool.begin_with(begin.clone()).await {
                Err(error) if matches!(error, Error::Io(_)) || is_shut_down(&error) => {}
                begun => return Ok(begun.map_err(of_server)?.into()),
            }
        }
        let begun = self.pool.begin_with(begin).await;
        Ok(begun.map_err(of_server)?.into())
    }
}

/// Reports whether the server ended the connection.
fn is_shut_down(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("57P"))
}

impl Held {
    /// Makes the writes of the transaction durable.
    ///
    /// # Errors
    /// When one of its statements failed: PostgreSQL then undoes the transaction, and reports a commit as done.
    pub(super) async fn commit_unless_failed(self) -> Result<(), Error> {
        if self.has_failed {
            return Err(Error::Protocol(
                "a statement of the transaction failed: nothing of it was done".to_owned(),
            ));
        }
        self.commit().await
    }
}

/// Reports whether the server still answers on a connection that was idle for a while.
pub(super) async fn answers(connection: &mut PgConnection) -> Result<bool, Error> {
    connection.ping().await.map(|()| true)
}

#[cfg(test)]
mod tests;
