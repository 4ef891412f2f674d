//! What the drivers have in common: the types of the library differ, the code does not.

/// Defines how a driver runs statements: `Held` is one of its connections, `On` what runs a statement. `text` turns a
/// statement's text into the database's own, `failure` the pool's error into one that shows whose it is.
macro_rules! runs_statements {
    (
        database: $database:ty,
        connection: $connection:ty,
        pool: $pool:ty,
        arguments: $arguments:ty,
        row: $row:path,
        text: $text:path,
        failure: $failure:path $(,)?
    ) => {
        /// A connection of a pool.
        #[derive(Debug)]
        pub(crate) struct Held {
            state: State,
            /// Whether a statement of the transaction failed.
            has_failed: bool,
        }

        #[derive(Debug)]
        enum State {
            Idle(sqlx::pool::PoolConnection<$database>),
            InTransaction(sqlx::Transaction<'static, $database>),
        }

        impl From<sqlx::pool::PoolConnection<$database>> for Held {
            fn from(connection: sqlx::pool::PoolConnection<$database>) -> Self {
                Self {
                    state: State::Idle(connection),
                    has_failed: false,
                }
            }
        }

        impl From<sqlx::Transaction<'static, $database>> for Held {
            fn from(tx: sqlx::Transaction<'static, $database>) -> Self {
                Self {
                    state: State::InTransaction(tx),
                    has_failed: false,
                }
            }
        }

        impl Held {
            fn connection(&mut self) -> &mut $connection {
                match &mut self.state {
                    State::Idle(connection) => connection,
                    State::InTransaction(tx) => tx,
                }
            }

            /// Reports whether a transaction is in progress.
            #[allow(dead_code, reason = "one driver asks")]
            const fn is_in_transaction(&self) -> bool {
                matches!(self.state, State::InTransaction(_))
            }

            /// Begins a transaction with this statement, unless one is in progress.
            pub(super) async fn begin(
                self,
                begin: sqlx::SqlStr,
            ) -> std::result::Result<Self, sqlx::Error> {
                match self.state {
                    State::Idle(connection) => {
                        let tx = sqlx::Transaction::begin(connection, Some(begin)).await?;
                        Ok(Self::from(tx))
                    }
                    State::InTransaction(_) => Ok(self),
                }
            }

            /// Makes the writes of the transaction durable.
            pub(super) async fn commit(self) -> std::result::Result<(), sqlx::Error> {
                match self.state {
                    State::InTransaction(tx) => tx.commit().await,
                    State::Idle(_) => Ok(()),
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
                        let done = $query.$method(held.connection()).await;
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
                match value {
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
            use futures_util::StreamExt as _;
            let rows = match (with(sql, values), on) {
                (Ok(query), On::Connection(held)) => query.fetch(held.connection()),
                (Ok(query), On::Pool(pool)) => query.fetch(pool),
                (Err(error), _) => return futures_util::stream::iter([Err(error)]).boxed(),
            };
            rows.map(|row| row.map($row)).boxed()
        }
    };
}

pub(super) use runs_statements;
