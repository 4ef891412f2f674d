//! Databases for tests, in the server that `ATRAIL_TEST_PG` names.

use std::path::Path;

use atrail_disk::Result;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use uuid::Uuid;

use crate::{Catalog, Remote};

/// The variable with the URL of a server whose user may create databases, such as `postgres://USER@HOST:PORT/postgres`.
const SERVER: &str = "ATRAIL_TEST_PG";

/// An empty database, and a data directory that goes with it. The server is thrown away after the tests, and its
/// databases with it.
#[derive(Debug)]
pub(crate) struct Database {
    server: String,
    name: String,
    url: String,
    dir: tempfile::TempDir,
}

impl Database {
    /// Makes one; prints that the test is skipped where there is no server.
    pub(crate) async fn new() -> Option<Self> {
        let made = Self::of_server().await;
        if made.is_none() {
            println!("skipped: {SERVER} names no PostgreSQL server");
        }
        made
    }

    /// Makes one, where there is a server.
    pub(crate) async fn of_server() -> Option<Self> {
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
            dir: tempfile::tempdir().unwrap(),
        })
    }

    /// Returns the URL of the server.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Returns its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Opens the catalog in it.
    pub(crate) async fn open(&self) -> Result<Catalog> {
        self.open_for(self.dir.path()).await
    }

    /// Opens the catalog in it with another data directory.
    pub(crate) async fn open_for(&self, dir: &Path) -> Result<Catalog> {
        let remote = Remote {
            url: &self.url,
            home: &dir.join("catalog-home"),
            has_events: false,
        };
        Catalog::open_remote(remote, "key".to_owned()).await
    }

    /// As [`Self::open`], where it must succeed.
    pub(crate) async fn catalog(&self) -> Catalog {
        self.open().await.unwrap()
    }
}
