//! PostgreSQL.
//!
//! One transaction writes at a time, as on SQLite: each takes the same advisory lock before it looks at anything. It runs
//! at READ COMMITTED, whose statements see what was committed before them, and so everything that was committed before
//! the lock. A transaction that only reads runs at REPEATABLE READ: it sees one moment.

use std::io;

use sqlx::pool::PoolConnection;
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
pub(crate) use open::{Home, SHARED, is_away, open};
pub(crate) use shared::{Shared, join, look_at, usage};

runs_statements! {
    database: Postgres,
    pool: PgPool,
    arguments: PgArguments,
    row: Row::Postgres,
    text: own_text,
    failure: of_server,
    unbegun: PoolConnection::close_on_drop,
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
    pub(super) begin_write: SqlStr,
}

/// Begins a transaction to whose end nobody else appends to the shared log. A server that stops meanwhile loses it.
const BEGIN_LOCKED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
    SET LOCAL idle_in_transaction_session_timeout = '1s'; \
    SELECT last FROM sequencer WHERE log = 2 FOR UPDATE";

impl Lent {
    pub(super) fn beside(&self, connections: u32) -> Self {
        Self {
            pool: open::pool(connections, &self.pool.connect_options()),
            begin_write: self.begin_write.clone(),
        }
    }

    pub(super) fn locking(&self, connections: u32) -> Self {
        Self {
            begin_write: BEGIN_LOCKED.into_sql_str(),
            ..self.beside(connections)
        }
    }

    pub(super) async fn acquire(&self) -> Result<Held, Error> {
        let acquired = self.pool.acquire().await;
        Ok(acquired.map_err(of_server)?.into())
    }

    pub(super) async fn begin_read(&self) -> Result<Held, Error> {
        self.begin(BEGIN_READ.into_sql_str()).await
    }

    pub(super) async fn begin_write(&self) -> Result<Held, Error> {
        self.begin(self.begin_write.clone()).await
    }

    /// Begins a transaction. A connection may have been lost since its last use: nothing was done yet, so another one is
    /// used.
    async fn begin(&self, begin: SqlStr) -> Result<Held, Error> {
        for _ in 0..self.pool.options().get_max_connections() {
            match self.try_begin(begin.clone()).await {
                Err(error) if matches!(error, Error::Io(_)) || is_shut_down(&error) => {}
                begun => return begun.map_err(of_server),
            }
        }
        self.try_begin(begin).await.map_err(of_server)
    }

    async fn try_begin(&self, begin: SqlStr) -> Result<Held, Error> {
        let held = Held::from(self.pool.acquire().await?);
        held.begin_to_the_end(begin).await
    }
}

fn has_code(error: &Error, wanted: &str) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == wanted)
}

/// Reports whether the server's disk is full.
pub(crate) fn is_full(error: &Error) -> bool {
    has_code(error, "53100")
}

/// Reports whether another node took this one for dead.
pub(crate) fn is_fenced(error: &Error) -> bool {
    has_code(error, "AT002")
}

/// Reports whether the log is shorter than this node has seen it.
pub(crate) fn is_set_back(error: &Error) -> bool {
    has_code(error, "AT003")
}

/// Reports whether the server ended the connection.
fn is_shut_down(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("57P"))
}

impl Held {
    /// Begins a transaction with this statement, unless one is in progress. The statement is run to its end even when nobody
    /// waits for it any longer: then the transaction is undone. A connection on which it fails is closed: PostgreSQL's
    /// session may be in the transaction, and have its locks, although the library knows of none.
    pub(super) async fn begin_to_the_end(self, begin: SqlStr) -> Result<Self, Error> {
        let begun = tokio::spawn(self.begin(begin)).await;
        begun.unwrap_or(Err(Error::WorkerCrashed))
    }

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
