//! The transactional catalog: tenancy, credentials, segments, sessions.
//!
//! Durability: the writes of a committed transaction survive a crash of process and machine (SQLite in WAL mode with
//! `synchronous=FULL`). One connection writes, so a transaction never waits for another's lock half-way; readers see
//! the last committed state and never block the writer.

pub(crate) mod adopt;
pub(crate) mod archive;
mod changes;
mod clock;
pub(crate) mod compaction;
#[cfg(test)]
mod conformance;
pub(crate) mod contents;
pub(crate) mod database_error;
pub(crate) mod deletion;
pub(crate) mod domains;
mod failure;
mod holds;
mod identity;
pub(crate) mod in_scope;
pub(crate) mod key_changes;
pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod names;
pub(crate) mod new_session;
pub(crate) mod offline;
#[cfg(test)]
pub(crate) mod outside;
mod places;
pub(crate) mod readings;
pub(crate) mod retention;
mod row;
mod schema;
pub(crate) mod session;
pub(crate) mod session_texts;
mod session_use;
mod sessions;
mod set_apart;
mod set_aside;
pub(crate) mod tenancy;
#[cfg(test)]
pub(crate) mod testing;
mod transaction;
mod unsynced;
pub(crate) mod view;
mod waste;
mod watermarks;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use parking_lot::RwLock;
use sqlx::Connection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

use identity::must_stand;
pub use identity::{
    Answerer, ApiKey, ApiKeyHolder, Credentials, Exchange, ExternalUser, Founding, Grant, Granted,
    Granter, Identity, Invitation, InvitationId, KeyHolder, KeyReach, LoginKind, NewApiKey,
    NewLogin, Proof, RECORDS_OF_A_LOGIN, Revoked,
};
pub use tenancy::{Account, Organization, Space, Tenancy};

use crate::anchors::Anchors;
use crate::durable;
use crate::error::{Result, io_failure};
use changes::Changes;
use failure::failed_to;

/// Number of read-only connections, and so of simultaneous snapshots.
const READERS: u32 = 4;

/// When SQLite's log has this many pages, 8 MiB, the next commit moves it into the database. A session's texts add less
/// before their maker moves the log, so that no login does that work for a session.
const LOG_PAGES: &str = "2000";

/// A handle to the catalog; clones share the connections.
#[derive(Debug, Clone)]
pub struct Catalog {
    writer: SqlitePool,
    /// For transactions that become durable only with a later one. Its user holds the writer.
    unsynced: SqlitePool,
    readers: SqlitePool,
    /// Path of the database's write-ahead log, when it is on a disk.
    log: Option<PathBuf>,
    has_texts_in_log: Arc<AtomicBool>,
    /// The verifier key of the key that signs the logs; new logs name it.
    verifier_key: Arc<RwLock<String>>,
    /// The files that must be in place for a transaction to count.
    anchors: Arc<Anchors>,
    /// How often users, credentials, roles or tenancy changed.
    changes: Changes,
    /// The directory of a catalog in memory: removed with the last handle.
    #[cfg_attr(not(test), expect(dead_code, reason = "it is there to be dropped"))]
    home: Option<Arc<memory::Home>>,
    #[cfg(test)]
    faults: Arc<testing::Faults>,
}

impl Catalog {
    /// Opens the catalog in this file, and creates or upgrades it when needed. New logs in it are signed by the key
    /// with this verifier key.
    ///
    /// # Errors
    /// When the file cannot be opened, or was made by a later version of atrail.
    pub(crate) async fn open(file: &Path, verifier_key: String) -> Result<Self> {
        keep_to_owner(file).map_err(io_failure("open", file))?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("wal_autocheckpoint", LOG_PAGES)
            .pragma("cache_size", "-8192");
        let writer = pool(1, options.clone()).await?;
        schema::apply(&writer).await?;
        let unsynced = pool_options(1).connect_lazy_with(unsynced::options(options.clone()));
        let readers = pool(READERS, options.read_only(true)).await?;
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        let catalog = Self {
            log: Some(PathBuf::from(log)),
            ..Self::of(writer, unsynced, readers)
        };
        catalog.set_verifier_key(verifier_key);
        Ok(catalog)
    }

    fn of(writer: SqlitePool, unsynced: SqlitePool, readers: SqlitePool) -> Self {
        Self {
            writer,
            unsynced,
            readers,
            log: None,
            has_texts_in_log: Arc::default(),
            verifier_key: Arc::default(),
            anchors: Arc::default(),
            changes: Changes::default(),
            home: None,
            #[cfg(test)]
            faults: Arc::default(),
        }
    }

    /// Returns the verifier key that new logs name.
    pub(crate) fn verifier_key(&self) -> String {
        self.verifier_key.read().clone()
    }

    /// Makes new logs name another key from now on.
    pub(crate) fn set_verifier_key(&self, verifier_key: String) {
        *self.verifier_key.write() = verifier_key;
    }

    /// Returns the files that must be in place for a transaction to count.
    pub(crate) fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// Returns the read-only connections.
    const fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Waits for running transactions, then closes the files.
    pub async fn close(&self) {
        self.readers.close().await;
        self.unsynced.close().await;
        self.writer.close().await;
    }
}

/// Creates the file when it does not exist, readable by its owner alone: SQLite gives the files beside it the same
/// mode.
fn keep_to_owner(file: &Path) -> std::io::Result<()> {
    if !file.exists() {
        durable::make_empty(file)?;
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        let beside = Path::new(&name);
        if beside.exists() {
            durable::make_private(beside)?;
        }
    }
    Ok(())
}

async fn pool(connections: u32, options: SqliteConnectOptions) -> Result<SqlitePool> {
    let pool = pool_options(connections).min_connections(1);
    let opened = pool.connect_with(options).await;
    opened.map_err(failed_to("open its database"))
}

fn pool_options(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| Box::pin(is_usable(connection)))
}

/// Reports whether a connection can begin a transaction; if not, it is closed, and the next caller gets a new one.
///
/// After some errors, such as a full disk, SQLite has rolled back on its own. The library's own rollback then fails,
/// and the library counts a transaction that does not exist for as long as the connection lives.
async fn is_usable(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // Without a transaction nothing can be queued, and a ping would cost a turn of the connection's thread.
    if connection.is_in_transaction() {
        // All work queued for the connection is done when it answers, including a rollback.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}
