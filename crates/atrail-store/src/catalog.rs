//! The transactional catalog: tenancy, credentials, segments, sessions.
//!
//! Durability: what a committed transaction wrote survives a crash of process and machine (SQLite in WAL mode with
//! `synchronous=FULL`). One connection writes, so a transaction never waits for another's lock half-way; readers see the
//! last committed state and never block the writer.

pub(crate) mod adopt;
pub(crate) mod archive;
mod clock;
pub(crate) mod compaction;
pub(crate) mod contents;
pub(crate) mod domains;
pub(crate) mod failure;
pub(crate) mod holds;
mod identity;
pub(crate) mod in_scope;
mod key_changes;
pub(crate) mod log;
pub(crate) mod names;
pub(crate) mod offline;
pub(crate) mod readings;
pub(crate) mod retention;
mod row;
mod schema;
pub(crate) mod session;
pub(crate) mod session_texts;
pub(crate) mod sessions;
mod set_apart;
mod set_aside;
pub(crate) mod tenancy;
mod waste;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection, Sqlite, Transaction};

pub(crate) use identity::must_stand;
pub use identity::{
    Answerer, ApiKey, ApiKeyHolder, Credentials, Exchange, ExternalUser, Founding, Grant, Granted,
    Granter, Identity, Invitation, InvitationId, LoginKind, NewApiKey, NewLogin, Proof, Revoked,
};
pub use tenancy::{Account, Organization, Space, Tenancy};

use crate::anchors::Anchors;
use crate::durable;
use crate::error::{Result, io_failure};
use failure::failed_to;

/// A handle on the catalog; clones share the connections.
#[derive(Debug, Clone)]
pub struct Catalog {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Of the key that signs the logs; logs that begin name it.
    verifier_key: Arc<RwLock<String>>,
    /// What has to be where it was for a transaction to count.
    anchors: Arc<Anchors>,
    /// For tests: what is done and then reported as failed, once each.
    #[cfg(test)]
    misreported: Arc<parking_lot::Mutex<Vec<&'static str>>>,
}

impl Catalog {
    /// Opens the catalog in this file, making or upgrading it when needed. Logs that begin in it are signed by the key
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
            .pragma("cache_size", "-8192");
        let writer = pool(1, options.clone()).await?;
        schema::apply(&writer).await?;
        let readers = pool(4, options.read_only(true)).await?;
        Ok(Self {
            writer,
            readers,
            verifier_key: Arc::new(RwLock::new(verifier_key)),
            anchors: Arc::default(),
            #[cfg(test)]
            misreported: Arc::default(),
        })
    }

    /// Opens an empty catalog that lives in memory and is gone with its last handle. Nothing in it is ever signed.
    ///
    /// # Errors
    /// When the database library refuses.
    pub async fn open_in_memory() -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .in_memory(true)
            .foreign_keys(true);
        let only = pool(1, options).await?;
        schema::apply(&only).await?;
        Ok(Self {
            writer: only.clone(),
            readers: only,
            verifier_key: Arc::default(),
            anchors: Arc::default(),
            #[cfg(test)]
            misreported: Arc::default(),
        })
    }

    /// What logs that begin now name as their key.
    pub(crate) fn verifier_key(&self) -> String {
        self.verifier_key.read().clone()
    }

    /// Names another key in logs that begin from now on.
    pub(crate) fn set_verifier_key(&self, verifier_key: String) {
        *self.verifier_key.write() = verifier_key;
    }

    /// What has to be where it was for a transaction to count.
    pub(crate) fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// Begins a transaction that may write. There is one at a time; others wait for it.
    pub(crate) async fn begin(&self, what: &'static str) -> Result<Transaction<'static, Sqlite>> {
        self.anchors.check()?;
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed_to(what))
    }

    /// Makes what a transaction wrote durable.
    pub(crate) async fn commit(
        &self,
        tx: Transaction<'static, Sqlite>,
        what: &'static str,
    ) -> Result<()> {
        let committed = tx.commit().await.map_err(failed_to(what));
        #[cfg(test)]
        let committed = committed.and_then(|()| self.told_of(what));
        committed
    }

    /// Reports as failed what does this next, although it is done.
    #[cfg(test)]
    pub(crate) fn misreport(&self, what: &'static str) {
        self.misreported.lock().push(what);
    }

    #[cfg(test)]
    fn told_of(&self, what: &'static str) -> Result<()> {
        let mut misreported = self.misreported.lock();
        let Some(at) = misreported.iter().position(|one| *one == what) else {
            return Ok(());
        };
        misreported.remove(at);
        Err(failed_to(what)(sqlx::Error::PoolTimedOut))
    }

    /// Begins a transaction that only reads: all that it reads is of one moment, whatever others commit meanwhile.
    pub(crate) async fn snapshot(
        &self,
        what: &'static str,
    ) -> Result<Transaction<'static, Sqlite>> {
        self.readers.begin().await.map_err(failed_to(what))
    }

    /// Connections that only read.
    pub(crate) const fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Waits for what is under way, then closes the files.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes the file when it is not there, so that it is its owner's alone: SQLite gives the files beside it the same mode.
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

pub(super) async fn pool(connections: u32, options: SqliteConnectOptions) -> Result<SqlitePool> {
    SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| Box::pin(is_usable(connection)))
        .connect_with(options)
        .await
        .map_err(failed_to("open its database"))
}

/// Whether a connection can begin a transaction; else it is closed, and the next who needs one gets a new one.
///
/// After some errors, such as a full disk, SQLite has rolled back by itself. The library's own rollback then fails, and it
/// counts a transaction that is not there for as long as the connection lives.
async fn is_usable(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // Where no transaction was begun nothing can be queued, and the answer would cost a turn of the connection's thread.
    if connection.is_in_transaction() {
        // Whatever was queued for the connection is done when this answers, a rollback too.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}
