//! A catalog in memory, which disappears with its last handle.
//!
//! It is the same database in the same mode as a catalog in a file: one connection writes, and others read beside it.
//! (SQLite's own in-memory databases provide no snapshot during a write.) Its files are in a file system in memory, and
//! are never synced. A new catalog is copied from a template, because creating the tables takes longer than everything
//! that a short test does with them. A catalog that is opened again without having been closed, as after a crash, keeps
//! its connections: each new one would have to read all tables' definitions, and prepare every statement, once more.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_disk::{Result, io_failure};
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::sql::{Pools, sqlite};
use super::{Catalog, schema};

/// Linux keeps this directory in memory.
const MEMORY: &str = "/dev/shm";
/// The substitute: files that are never synced stay in the page cache for a while.
const ELSE: &str = "/tmp";

/// An empty catalog's file.
static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();

/// A directory that is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Home(PathBuf);

impl Home {
    fn make() -> Result<Self> {
        let parent = [MEMORY, ELSE].map(Path::new);
        let parent = parent.iter().find(|dir| dir.is_dir()).unwrap_or(&parent[1]);
        let dir = parent.join(format!("atrail-{}", Uuid::new_v4()));
        fs::create_dir(&dir).map_err(io_failure("make", &dir))?;
        Ok(Self(dir))
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.join("catalog.sqlite")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // The directory is in memory: a restart of the machine removes the rest.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A catalog in memory; clones share it. It disappears with the last clone and the last open handle.
#[derive(Debug, Clone)]
pub struct MemoryCatalog {
    /// The connections of an open catalog. What a dropped handle left unfinished on them is rolled back before their
    /// next use, as a crash of the process would have done. Dropped before the directory is.
    connections: Arc<Mutex<Option<Pools>>>,
    home: Arc<Home>,
}

impl MemoryCatalog {
    /// Returns an empty catalog.
    pub async fn new() -> Result<Self> {
        Self::of(TEMPLATE.get_or_try_init(make_template).await?)
    }

    fn of(bytes: &[u8]) -> Result<Self> {
        let home = Home::make()?;
        let file = home.file();
        fs::write(&file, bytes).map_err(io_failure("write", &file))?;
        Ok(Self {
            connections: Arc::default(),
            home: Arc::new(home),
        })
    }

    /// Returns a new catalog with a copy of the present contents. No process may have this one open.
    pub fn copied(&self) -> Result<Self> {
        let file = self.home.file();
        Self::of(&fs::read(&file).map_err(io_failure("read", &file))?)
    }

    /// Opens the catalog as the next process finds it. New logs in it are signed by the key with this verifier key.
    ///
    /// # Errors
    /// When the database library fails.
    pub async fn open(&self, verifier_key: String) -> Result<Catalog> {
        let catalog = Catalog {
            home: Some(Arc::clone(&self.home)),
            ..Catalog::of(self.connections().await?)
        };
        catalog.set_verifier_key(verifier_key);
        catalog.finish_removals().await?;
        Ok(catalog)
    }

    /// Returns those that an earlier handle left open, or new ones.
    async fn connections(&self) -> Result<Pools> {
        let left = self.connections.lock().clone();
        if let Some(connections) = left.filter(Pools::are_open) {
            return Ok(connections);
        }
        let connections = sqlite::open_unsynced(&self.home.file()).await?;
        *self.connections.lock() = Some(connections.clone());
        Ok(connections)
    }
}

impl Catalog {
    /// Opens an empty catalog in memory, which disappears with its last handle. Nothing in it is ever signed.
    ///
    /// # Errors
    /// When the database library fails, or the file system in memory cannot be written.
    pub async fn open_in_memory() -> Result<Self> {
        // The tests of this crate then run on PostgreSQL.
        #[cfg(all(test, feature = "cluster"))]
        if let Some(database) = super::testing::postgres::Database::of_server().await {
            return database.open().await;
        }
        Self::open_in_sqlite().await
    }

    /// As [`Self::open_in_memory`], whatever the tests run on.
    pub(super) async fn open_in_sqlite() -> Result<Self> {
        MemoryCatalog::new().await?.open(String::new()).await
    }
}

async fn make_template() -> Result<Vec<u8>> {
    let home = Home::make()?;
    let file = home.file();
    let only = sqlite::create_unsynced(&file).await?;
    schema::apply(&only).await?;
    only.close().await;
    fs::read(&file).map_err(io_failure("read", &file))
}
