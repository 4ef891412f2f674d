//! Opens a catalog's file for tests that inspect or change it without the store's knowledge.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "cluster")]
pub mod postgres;

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Sqlite, SqlitePool, Transaction};

/// The file, opened beside other processes.
#[derive(Debug)]
pub struct CatalogFile(SqlitePool);

impl CatalogFile {
    /// Opens the file.
    ///
    /// # Panics
    /// When it is no database, as all methods do when SQLite fails.
    pub async fn open(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file);
        Self(SqlitePool::connect_with(options).await.unwrap())
    }

    /// Runs statements; returns how many rows the last one changed.
    pub async fn run(&self, sql: &'static str) -> u64 {
        let done = sqlx::raw_sql(sql).execute(&self.0).await;
        done.unwrap().rows_affected()
    }

    /// Runs a statement with one parameter.
    pub async fn run_with(&self, sql: &'static str, parameter: &[u8]) {
        let query = sqlx::query(sql).bind(parameter);
        query.execute(&self.0).await.unwrap();
    }

    /// As [`Self::run_with`], with a text.
    pub async fn run_with_text(&self, sql: &'static str, parameter: &str) {
        let query = sqlx::query(sql).bind(parameter);
        query.execute(&self.0).await.unwrap();
    }

    /// Returns the number that a query yields.
    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.0).await.unwrap()
    }

    /// Returns the number, or `NULL`, that a query with a text as its parameter yields.
    pub async fn number_with(&self, sql: &'static str, parameter: &str) -> Option<i64> {
        let query = sqlx::query_scalar(sql).bind(parameter);
        query.fetch_one(&self.0).await.unwrap()
    }

    /// Returns the rows of a query for a text and a blob.
    pub async fn rows(&self, sql: &'static str) -> Vec<(String, Vec<u8>)> {
        sqlx::query_as(sql).fetch_all(&self.0).await.unwrap()
    }

    /// Makes a change that no other connection sees until it is committed; no other connection can write until then.
    pub async fn begin(&self, change: &'static str) -> Uncommitted {
        let mut tx = self.0.begin_with("BEGIN IMMEDIATE").await.unwrap();
        sqlx::raw_sql(change).execute(&mut *tx).await.unwrap();
        Uncommitted(tx)
    }

    /// Renames a table.
    pub async fn rename(&self, table: &str, to: &str) {
        let rename = sqlx::AssertSqlSafe(format!("ALTER TABLE {table} RENAME TO {to}"));
        sqlx::raw_sql(rename).execute(&self.0).await.unwrap();
    }

    /// Closes the file.
    pub async fn close(self) {
        self.0.close().await;
    }
}

/// A change that is not committed.
#[derive(Debug)]
pub struct Uncommitted(Transaction<'static, Sqlite>);

impl Uncommitted {
    /// Commits it.
    pub async fn commit(self) {
        self.0.commit().await.unwrap();
    }
}
