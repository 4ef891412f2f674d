//! Databases for tests, in the server that `ATRAIL_TEST_PG` names.

use std::time::Duration;

use atrail_disk::Result;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use uuid::Uuid;

use crate::{Catalog, Joining};

/// The variable with the URL of a server whose user may create databases, such as `postgres://USER@HOST:PORT/postgres`.
const SERVER: &str = "ATRAIL_TEST_PG";

/// An empty database. The server is thrown away after the tests, and its databases with it.
#[derive(Debug)]
pub struct EmptyDatabase {
    server: String,
    name: String,
    url: String,
}

impl EmptyDatabase {
    /// Makes one; prints that the test is skipped where there is no server.
    #[allow(clippy::print_stdout, reason = "it says what it skips")]
    pub async fn new() -> Option<Self> {
        let made = Self::of_server().await;
        if made.is_none() {
            println!("skipped: {SERVER} names no PostgreSQL server");
        }
        made
    }

    /// Makes one, where there is a server.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn of_server() -> Option<Self> {
        let server = std::env::var(SERVER).ok()?;
        let name = format!("test_{}", Uuid::new_v4().simple());
        let options: PgConnectOptions = server.parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        // Of another collation than SQLite's, so that an order that rests on the database's is noticed.
        let make = format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'"
        );
        let made = sqlx::raw_sql(AssertSqlSafe(make));
        made.execute(&mut connection).await.unwrap();
        let (before, _) = server.rsplit_once('/').unwrap();
        Some(Self {
            url: format!("{before}/{name}"),
            name,
            server,
        })
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Joins the nodes that share the catalog in it.
    ///
    /// # Errors
    /// As [`Catalog::join`].
    pub async fn join(&self, name: &str, lease: Duration) -> Result<Catalog> {
        Catalog::join(Joining {
            url: &self.url,
            name,
            version: "test",
            address: "",
            lease,
        })
        .await
    }
}
