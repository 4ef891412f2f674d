//! The transactional catalog: tenancy, credentials, segments, sessions.
//!
//! Durability: the writes of a committed transaction survive a crash of process and machine (SQLite in WAL mode with
//! `synchronous=FULL`). One connection writes, so a transaction never waits for another's lock half-way; readers see
//! the last committed state and never block the writer.

pub mod adopt;
mod anchors;
mod archive;
mod arrivals;
mod changes;
#[cfg(feature = "cluster")]
mod checkpoints;
mod clock;
pub mod compaction;
#[cfg(test)]
mod conformance;
pub mod contents;
pub mod counting;
#[cfg(feature = "cluster")]
mod dedup_runs;
pub mod deletion;
pub mod domains;
mod failure;
#[cfg(any(test, feature = "faults"))]
mod faults;
mod holds;
mod identity;
pub mod in_scope;
pub mod index_files;
pub mod key_changes;
pub mod log;
mod log_file;
pub mod memory;
#[cfg(feature = "cluster")]
pub mod migration;
pub mod names;
pub mod new_session;
#[cfg(feature = "cluster")]
mod nodes;
mod object_rows;
pub mod offline;
pub mod outcome;
#[cfg(any(test, feature = "faults"))]
pub mod outside;
mod place;
mod places;
pub mod readings;
pub mod removed_ranges;
mod retention;
mod row;
mod schema;
#[cfg(feature = "cluster")]
mod sealed_secrets;
pub mod searching;
pub mod segments;
pub mod session;
pub mod session_texts;
mod session_use;
mod sessions;
mod set_apart;
mod set_aside;
#[cfg(feature = "cluster")]
mod shared_log;
mod sql;
pub mod tenancy;
#[cfg(test)]
mod testing;
mod transaction;
mod unsynced;
pub mod view;
mod waste;
pub mod watermarks;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_disk::{Result, durable, io_failure};
use parking_lot::RwLock;

pub use anchors::Anchors;
pub use arrivals::RequestHash;
#[cfg(feature = "cluster")]
pub use checkpoints::{SignedRow, SignedSince, SignedUpTo};
#[cfg(feature = "cluster")]
pub use dedup_runs::RunBytes;
use identity::must_stand;
pub use identity::{
    Answerer, ApiKey, ApiKeyHolder, BrowserLogin, Credentials, EndedLogin, Exchange, ExternalUser,
    Founding, Grant, Granted, Granter, Identity, IngestCounts, IngestKey, IngestSecret, IngestTurn,
    IngestUse, Invitation, InvitationId, KeptBy, KeyHolder, KeyReach, LoginKind, NewApiKey,
    NewIngestKey, NewLogin, OwnLogin, Proof, RECORDS_OF_A_LOGIN, Revoked, Signer,
};
#[cfg(feature = "cluster")]
pub use nodes::{Joining, Membership, NodeRow, Removals};
pub use place::Remote;
#[cfg(feature = "cluster")]
pub use sealed_secrets::SealedSecret;
#[cfg(feature = "cluster")]
pub use shared_log::PostgresLog;
pub use tenancy::{Account, Organization, Space, Tenancy};

use changes::Changes;
use log_file::Upkeep;
use sql::{Pool, Pools};

/// A handle to the catalog; clones share the connections.
#[derive(Debug, Clone)]
pub struct Catalog {
    writer: Pool,
    /// For transactions that become durable only with a later one. Its user holds the writer.
    unsynced: Pool,
    readers: Pool,
    counters: Pool,
    /// Path of the database's write-ahead log, when it is on a disk.
    log: Option<PathBuf>,
    upkeep: Upkeep,
    /// The verifier key of the key that signs the logs; new logs name it.
    verifier_key: Arc<RwLock<String>>,
    /// The files that must be in place for a transaction to count.
    anchors: Arc<Anchors>,
    /// How often users, credentials, roles or tenancy changed.
    changes: Changes,
    /// The right of this process to use a catalog that others can reach.
    #[cfg(feature = "cluster")]
    node: Option<sql::postgres::Node>,
    /// The place of this process among the nodes that share the catalog.
    #[cfg(feature = "cluster")]
    membership: Option<Membership>,
    #[cfg(feature = "cluster")]
    beside: Option<Pools>,
    /// The directory of a catalog in memory: removed with the last handle.
    #[cfg_attr(not(test), expect(dead_code, reason = "it is there to be dropped"))]
    home: Option<Arc<memory::Home>>,
    #[cfg(any(test, feature = "faults"))]
    faults: Arc<faults::Faults>,
}

impl Catalog {
    /// Reports whether other nodes use the same catalog at the same time.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        #[cfg(feature = "cluster")]
        {
            self.membership.is_some()
        }
        #[cfg(not(feature = "cluster"))]
        {
            false
        }
    }

    /// Opens the catalog in this file, and creates or upgrades it when needed. New logs in it are signed by the key
    /// with this verifier key.
    ///
    /// # Errors
    /// When the file cannot be opened, or was made by a later version of atrail.
    pub async fn open(file: &Path, verifier_key: String) -> Result<Self> {
        keep_to_owner(file).map_err(io_failure("open", file))?;
        let pools = sql::sqlite::open(file).await?;
        schema::apply(&pools.writer).await?;
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        let catalog = Self {
            log: Some(PathBuf::from(log)),
            ..Self::of(pools)
        };
        catalog.set_verifier_key(verifier_key);
        catalog.finish_removals().await?;
        Ok(catalog)
    }

    fn of(pools: Pools) -> Self {
        Self {
            writer: pools.writer,
            unsynced: pools.unsynced,
            readers: pools.readers,
            counters: pools.counters,
            log: None,
            upkeep: Upkeep::default(),
            verifier_key: Arc::default(),
            anchors: Arc::default(),
            changes: Changes::default(),
            #[cfg(feature = "cluster")]
            node: None,
            #[cfg(feature = "cluster")]
            membership: None,
            #[cfg(feature = "cluster")]
            beside: None,
            home: None,
            #[cfg(any(test, feature = "faults"))]
            faults: Arc::default(),
        }
    }

    /// Returns the verifier key that new logs name.
    pub fn verifier_key(&self) -> String {
        self.verifier_key.read().clone()
    }

    /// Makes new logs name another key from now on.
    pub fn set_verifier_key(&self, verifier_key: String) {
        *self.verifier_key.write() = verifier_key;
    }

    /// Returns the files that must be in place for a transaction to count.
    pub fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// Returns the read-only connections.
    const fn readers(&self) -> &Pool {
        &self.readers
    }

    /// Returns the read-only connections for counts, and for what a seal asks before its transaction: others wait for both,
    /// so that neither waits for a connection over which somebody reads very many rows.
    const fn counters(&self) -> &Pool {
        &self.counters
    }

    /// Waits for running transactions, then closes the files.
    pub async fn close(&self) {
        self.readers.close().await;
        self.counters.close().await;
        self.unsynced.close().await;
        self.writer.close().await;
        #[cfg(feature = "cluster")]
        if let Some(node) = &self.node {
            node.leave().await;
        }
        #[cfg(feature = "cluster")]
        if let Some(beside) = &self.beside {
            for pool in [
                &beside.readers,
                &beside.counters,
                &beside.unsynced,
                &beside.writer,
            ] {
                pool.close().await;
            }
        }
        #[cfg(feature = "cluster")]
        if let Some(membership) = &self.membership {
            membership.leave().await;
        }
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
        match durable::make_private(Path::new(&name)) {
            // The last connection of an earlier store removes the two others.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            made => {
                made?;
            }
        }
    }
    Ok(())
}
