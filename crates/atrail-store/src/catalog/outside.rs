//! Opens a catalog's file for tests that inspect or change it without the store's knowledge. The integration tests
//! include this file, too.

#![allow(dead_code, reason = "unit tests and integration tests use a part each")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

/// The file, opened beside other processes.
pub(crate) struct CatalogFile(SqlitePool);

impl CatalogFile {
    pub(crate) async fn open(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file);
        Self(SqlitePool::connect_with(options).await.unwrap())
    }

    /// Runs statements; returns how many rows the last one changed.
    pub(crate) async fn run(&self, sql: &'static str) -> u64 {
        let done = sqlx::raw_sql(sql).execute(&self.0).await;
        done.unwrap().rows_affected()
    }

    /// Runs a statement with one parameter.
    pub(crate) async fn run_with(&self, sql: &'static str, parameter: &[u8]) {
        let query = sqlx::query(sql).bind(parameter);
        query.execute(&self.0).await.unwrap();
    }

    /// As [`Self::run_with`], with a text.
    pub(crate) async fn run_with_text(&self, sql: &'static str, parameter: &str) {
        let query = sqlx::query(sql).bind(parameter);
        query.execute(&self.0).await.unwrap();
    }

    /// Returns the number that a query yields.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.0).await.unwrap()
    }

    /// Returns the rows of a query for a text and a blob.
    pub(crate) async fn rows(&self, sql: &'static str) -> Vec<(String, Vec<u8>)> {
        sqlx::query_as(sql).fetch_all(&self.0).await.unwrap()
    }

    pub(crate) async fn close(self) {
        self.0.close().await;
    }
}
