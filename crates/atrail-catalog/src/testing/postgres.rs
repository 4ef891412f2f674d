//! A database with a data directory, for tests.

use std::ops::Deref;
use std::path::Path;

use atrail_disk::Result;

use crate::outside::postgres::EmptyDatabase;
use crate::{Catalog, Remote};

/// An empty database, and a data directory that goes with it.
#[derive(Debug)]
pub(crate) struct Database {
    database: EmptyDatabase,
    dir: tempfile::TempDir,
}

impl Database {
    /// Makes one; prints that the test is skipped where there is no server.
    pub(crate) async fn new() -> Option<Self> {
        EmptyDatabase::new().await.map(Self::of)
    }

    /// Makes one, where there is a server.
    pub(crate) async fn of_server() -> Option<Self> {
        EmptyDatabase::of_server().await.map(Self::of)
    }

    fn of(database: EmptyDatabase) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { database, dir }
    }

    /// Opens the catalog in it.
    pub(crate) async fn open(&self) -> Result<Catalog> {
        self.open_for(self.dir.path()).await
    }

    /// Opens the catalog in it with another data directory.
    pub(crate) async fn open_for(&self, dir: &Path) -> Result<Catalog> {
        let remote = Remote {
            url: self.url(),
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

impl Deref for Database {
    type Target = EmptyDatabase;

    fn deref(&self) -> &EmptyDatabase {
        &self.database
    }
}
