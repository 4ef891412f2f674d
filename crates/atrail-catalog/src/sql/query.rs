//! Statements with their parameters, and what runs them.

use std::marker::PhantomData;

use futures_util::stream::BoxStream;
use sqlx::{SqlSafeStr, SqlStr};

use super::connection::{Connection, Pool};
#[cfg(feature = "cluster")]
use super::postgres;
use super::row::{FromRow, Row};
use super::value::{Bind, Value};
use super::{Error, sqlite};

/// A connection to run a statement on, or a pool that lends one.
pub(crate) enum On<'e> {
    Sqlite(sqlite::On<'e>),
    #[cfg(feature = "cluster")]
    Postgres(postgres::On<'e>),
}

impl<'e> From<&'e mut Connection> for On<'e> {
    fn from(connection: &'e mut Connection) -> Self {
        match connection {
            Connection::Sqlite(held) => Self::Sqlite(sqlite::On::Connection(held)),
            #[cfg(feature = "cluster")]
            Connection::Postgres(held) => Self::Postgres(postgres::On::Connection(held)),
        }
    }
}

impl<'e> From<&'e Pool> for On<'e> {
    fn from(pool: &'e Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => Self::Sqlite(sqlite::On::Pool(pool)),
            #[cfg(feature = "cluster")]
            Pool::Postgres(lent) => Self::Postgres(postgres::On::Pool(&lent.pool)),
        }
    }
}

/// A statement and its parameters. It is prepared once a connection.
#[must_use = "a statement does nothing until it is run"]
#[derive(Debug)]
pub(crate) struct Query {
    sql: SqlStr,
    values: Vec<Value>,
}

/// Returns a statement without parameters yet.
pub(crate) fn query(sql: impl SqlSafeStr) -> Query {
    Query::of(sql.into_sql_str(), Vec::new())
}

/// Returns a query for rows of this type.
pub(crate) fn query_as<T: FromRow>(sql: impl SqlSafeStr) -> QueryAs<T> {
    QueryAs(query(sql), PhantomData)
}

/// Returns statements of one text that are sent as they are: not prepared, and without parameters.
pub(crate) fn raw(sql: impl SqlSafeStr) -> Raw {
    Raw(sql.into_sql_str())
}

impl Query {
    pub(super) const fn of(sql: SqlStr, values: Vec<Value>) -> Self {
        Self { sql, values }
    }

    /// Gives the next parameter this value.
    pub(crate) fn bind(mut self, value: impl Bind) -> Self {
        self.values.push(value.value());
        self
    }

    /// Gives the next parameters these values.
    #[cfg(feature = "cluster")]
    pub(crate) fn bind_all(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        self.values.extend(values);
        self
    }

    /// Runs it.
    pub(crate) async fn execute<'e>(self, on: impl Into<On<'e>>) -> Result<Done, Error> {
        match on.into() {
            On::Sqlite(on) => sqlite::execute(self.sql, self.values, on).await.map(Done),
            #[cfg(feature = "cluster")]
            On::Postgres(on) => postgres::execute(self.sql, self.values, on).await.map(Done),
        }
    }

    /// Returns all of its rows.
    pub(crate) async fn fetch_all<'e>(self, on: impl Into<On<'e>>) -> Result<Vec<Row>, Error> {
        match on.into() {
            On::Sqlite(on) => sqlite::fetch_all(self.sql, self.values, on).await,
            #[cfg(feature = "cluster")]
            On::Postgres(on) => postgres::fetch_all(self.sql, self.values, on).await,
        }
    }

    /// Returns its first row, if it has one.
    pub(crate) async fn fetch_optional<'e>(
        self,
        on: impl Into<On<'e>>,
    ) -> Result<Option<Row>, Error> {
        match on.into() {
            On::Sqlite(on) => sqlite::fetch_optional(self.sql, self.values, on).await,
            #[cfg(feature = "cluster")]
            On::Postgres(on) => postgres::fetch_optional(self.sql, self.values, on).await,
        }
    }

    /// Returns its first row.
    pub(crate) async fn fetch_one<'e>(self, on: impl Into<On<'e>>) -> Result<Row, Error> {
        self.fetch_optional(on).await?.ok_or(Error::RowNotFound)
    }

    /// Returns its rows as they come.
    pub(crate) fn fetch<'e>(self, on: impl Into<On<'e>>) -> BoxStream<'e, Result<Row, Error>> {
        match on.into() {
            On::Sqlite(on) => sqlite::fetch(self.sql, self.values, on),
            #[cfg(feature = "cluster")]
            On::Postgres(on) => postgres::fetch(self.sql, self.values, on),
        }
    }
}

/// What a statement did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done(u64);

impl Done {
    /// Returns the number of rows that it inserted, updated or deleted.
    pub(crate) const fn rows_affected(self) -> u64 {
        self.0
    }
}

/// A [`Query`] whose rows are returned as tuples.
#[must_use = "a statement does nothing until it is run"]
#[derive(Debug)]
pub(crate) struct QueryAs<T>(Query, PhantomData<fn() -> T>);

impl<T: FromRow> QueryAs<T> {
    /// As [`Query::bind`].
    pub(crate) fn bind(self, value: impl Bind) -> Self {
        Self(self.0.bind(value), PhantomData)
    }

    /// As [`Query::fetch_all`].
    pub(crate) async fn fetch_all<'e>(self, on: impl Into<On<'e>>) -> Result<Vec<T>, Error> {
        let rows = self.0.fetch_all(on).await?;
        rows.iter().map(T::from_row).collect()
    }

    /// As [`Query::fetch_optional`].
    pub(crate) async fn fetch_optional<'e>(
        self,
        on: impl Into<On<'e>>,
    ) -> Result<Option<T>, Error> {
        let row = self.0.fetch_optional(on).await?;
        row.as_ref().map(T::from_row).transpose()
    }

    /// As [`Query::fetch_one`].
    pub(crate) async fn fetch_one<'e>(self, on: impl Into<On<'e>>) -> Result<T, Error> {
        T::from_row(&self.0.fetch_one(on).await?)
    }
}

/// Statements that are sent as they are.
#[must_use = "statements do nothing until they are run"]
#[derive(Debug)]
pub(crate) struct Raw(SqlStr);

impl Raw {
    /// Runs them.
    pub(crate) async fn execute<'e>(self, on: impl Into<On<'e>>) -> Result<(), Error> {
        match on.into() {
            On::Sqlite(on) => sqlite::execute_raw(self.0, on).await,
            #[cfg(feature = "cluster")]
            On::Postgres(on) => postgres::execute_raw(self.0, on).await,
        }
    }
}
