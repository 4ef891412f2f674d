//! What the drivers have in common: the types of the library differ, the code does not.

use sqlx::{Database, Error, SqlStr};
use sqlx_core::transaction::TransactionManager as _;

/// Begins a transaction with this statement.
pub(super) async fn begin<D: Database>(
    connection: &mut D::Connection,
    statement: SqlStr,
) -> Result<(), Error> {
    D::TransactionManager::begin(connection, Some(statement)).await
}

/// Commits the transaction in progress.
pub(super) async fn commit<D: Database>(connection: &mut D::Connection) -> Result<(), Error> {
    D::TransactionManager::commit(connection).await
}

/// Undoes the transaction in progress before the connection's next use.
pub(super) fn undo<D: Database>(connection: &mut D::Connection) {
    D::TransactionManager::start_rollback(connection);
}

/// Defines how a driver runs statements: `Held` is one of its connections, `On` what runs a statement. `text` turns a
/// statement's text into the database's own, `failure` the pool's error into one that shows whose it is. `unbegun` makes a
/// connection harmless on which a transaction began that failed, or for which nobody waits any longer.
macro_rules! runs_statements {
    (
        database: $database:ty,
        pool: $pool:ty,
        arguments: $arguments:ty,
        row: $row:path,
        text: $text:path,
        failure: $failure:path,
        unbegun: $unbegun:path $(,)?
    ) => {
        /// A connection of a pool. Dropping it undoes a transaction that was not committed.
        #[derive(Debug)]
        pub(crate) struct Held {
            connection: sqlx::pool::PoolConnection<$database>,
            state: State,
            /// Whether a statement of the transaction failed.
            has_failed: bool,
        }

        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum State {
            Idle,
            /// The statement that begins a transaction was sent, and is not known to have succeeded.
            Beginning,
            InTransaction,
        }

        impl From<sqlx::pool::PoolConnection<$database>> for Held {
            fn from(connection: sqlx::pool::PoolConnection<$database>) -> Self {
                Self {
                    connection,
                    state: State::Idle,
                    has_failed: false,
                }
            }
        }

        impl Held {
            /// Begins a transaction with this statement, unless one is in progress.
            pub(super) async fn begin(
                mut self,
                begin: sqlx::SqlStr,
            ) -> std::result::Result<Self, sqlx::Error> {
                if self.state == State::Idle {
                    self.state = State::Beginning;
                    crate::sql::driver::begin::<$database>(&mut self.connection, begin).await?;
                    self.state = State::InTransaction;
                }
                Ok(self)
            }

            /// Makes the writes of the transaction durable.
            pub(super) async fn commit(mut self) -> std::result::Result<(), sqlx::Error> {
                if self.state == State::InTransaction {
                    crate::sql::driver::commit::<$database>(&mut self.connection).await?;
                    self.state = State::Idle;
                }
                Ok(())
            }
        }

        impl Drop for Held {
            fn drop(&mut self) {
                match self.state {
                    State::Idle => {}
                    State::Beginning => $unbegun(&mut self.connection),
                    State::InTransaction => {
                        crate::sql::driver::undo::<$database>(&mut self.connection);
                    }
                }
            }
        }

        /// What runs a statement.
        pub(crate) enum On<'e> {
            Connection(&'e mut Held),
            Pool(&'e $pool),
        }

        /// Waits for a method of the library's query, called with what runs it.
        macro_rules! run {
            ($query:expr, $on:expr, $method:ident) => {
                match $on {
                    On::Connection(held) => {
                        let done = $query.$method(&mut *held.connection).await;
                        held.has_failed |= done.is_err();
                        done
                    }
                    On::Pool(pool) => $query.$method(pool).await.map_err($failure),
                }
            };
        }

        fn with(
            sql: sqlx::SqlStr,
            values: Vec<crate::sql::value::Value>,
        ) -> std::result::Result<sqlx::query::Query<'static, $database, $arguments>, sqlx::Error> {
            use crate::sql::value::Value;
            use sqlx::Arguments as _;
            let mut arguments = <$arguments>::default();
            for value in values {
                match value.checked()? {
                    Value::Integer(value) => arguments.add(value),
                    Value::Truth(value) => arguments.add(value),
                    Value::Text(value) => arguments.add(value),
                    Value::Bytes(value) => arguments.add(value),
                }
                .map_err(sqlx::Error::Encode)?;
            }
            Ok(sqlx::query_with($text(sql), arguments))
        }

        pub(super) async fn execute(
            sql: sqlx::SqlStr,
            values: Vec<crate::sql::value::Value>,
            on: On<'_>,
        ) -> std::result::Result<u64, sqlx::Error> {
            let query = with(sql, values)?;
            let done = run!(query, on, execute)?;
            Ok(done.rows_affected())
        }

        pub(super) async fn execute_raw(
            sql: sqlx::SqlStr,
            on: On<'_>,
        ) -> std::result::Result<(), sqlx::Error> {
            let statements = sqlx::raw_sql(sql);
            run!(statements, on, execute)?;
            Ok(())
        }

        pub(super) async fn fetch_all(
            sql: sqlx::SqlStr,
            values: Vec<crate::sql::value::Value>,
            on: On<'_>,
        ) -> std::result::Result<Vec<crate::sql::Row>, sqlx::Error> {
            let query = with(sql, values)?;
            let rows = run!(query, on, fetch_all)?;
            Ok(rows.into_iter().map($row).collect())
        }

        pub(super) async fn fetch_optional(
            sql: sqlx::SqlStr,
            values: Vec<crate::sql::value::Value>,
            on: On<'_>,
        ) -> std::result::Result<Option<crate::sql::Row>, sqlx::Error> {
            let query = with(sql, values)?;
            let row = run!(query, on, fetch_optional)?;
            Ok(row.map($row))
        }

        pub(super) fn fetch<'e>(
            sql: sqlx::SqlStr,
            values: Vec<crate::sql::value::Value>,
            on: On<'e>,
        ) -> futures_util::stream::BoxStream<'e, std::result::Result<crate::sql::Row, sqlx::Error>>
        {
            use futures_util::{StreamExt as _, TryStreamExt as _};
            let rows = match (with(sql, values), on) {
                (Ok(query), On::Connection(held)) => {
                    let has_failed = &mut held.has_failed;
                    let rows = query.fetch(&mut *held.connection);
                    rows.inspect_err(|_| *has_failed = true).boxed()
                }
                (Ok(query), On::Pool(pool)) => query.fetch(pool),
                (Err(error), _) => return futures_util::stream::iter([Err(error)]).boxed(),
            };
            rows.map(|row| row.map($row)).boxed()
        }
    };
}

pub(super) use runs_statements;
