//! Checkpoints of nodes that share a catalog.
//!
//! The bucket has what was signed, one object a round; the catalog has it as well, and decides: for one origin and size it
//! takes one root. A round is in the bucket before the catalog records it, so each node that finds a checkpoint recorded may
//! show it. A catalog that was set back lacks what the bucket has: a running node notices that before it signs, and a
//! starting one records it again.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

use atrail_catalog::{Catalog, SignedRow, SignedSince, SignedUpTo};
use atrail_disk::{Result, StoreError};
use atrail_model::Domain;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

use super::local::{Read, read, signed_line};
use super::{Checkpoints, Signed, covers};
use crate::beside::Beside;

/// Where the objects of the rounds are.
pub(crate) const JOURNAL: &str = "evidence/journal";
/// Why a new epoch begins when the bucket contradicts the catalog.
const CONTRARY: &str = "the bucket has a checkpoint of another history than the catalog";

/// The objects of rounds, which every node can read. Methods return when the effect is durable.
pub(crate) trait Rounds: Debug + Send + Sync {
    /// Adds an object at a free path.
    fn put<'a>(&'a self, path: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<()>>;

    /// Returns an object's bytes.
    fn get<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Bytes>>;

    /// Returns the paths of all objects below [`JOURNAL`].
    fn list(&self) -> BoxFuture<'_, Result<Vec<String>>>;
}

/// Checkpoints in a bucket, and in a catalog that nodes share.
#[derive(Debug)]
pub(crate) struct SharedCheckpoints {
    catalog: Catalog,
    rounds: Arc<dyn Rounds>,
    beside: Arc<Beside>,
    known: RwLock<Known>,
    /// One round at a time.
    turn: Mutex<()>,
}

/// What this node knows of what was signed.
#[derive(Debug, Default)]
struct Known {
    newest: HashMap<Domain, Signed>,
    up_to: Option<SignedUpTo>,
}

impl Known {
    fn learn(&mut self, since: SignedSince) -> Result<()> {
        for row in since.rows {
            let damaged = || StoreError::Damaged {
                what: format!("the checkpoint {} of {}", row.size, row.domain),
                why: "the catalog has no signed note of it".to_owned(),
            };
            let domain = row.domain.parse().map_err(|_| damaged())?;
            let signed = Signed::parse(row.note.clone()).ok_or_else(damaged)?;
            self.newest.insert(domain, signed);
        }
        self.up_to = since.up_to;
        Ok(())
    }
}

impl SharedCheckpoints {
    /// Reads what was signed, and records what the bucket has beyond the catalog. The catalog's connections are used by no
    /// other thread.
    ///
    /// # Errors
    /// When the catalog or the bucket fails, or an object in the bucket is damaged.
    pub(crate) fn open(
        catalog: Catalog,
        rounds: Arc<dyn Rounds>,
        beside: Arc<Beside>,
    ) -> Result<Self> {
        let this = Self {
            catalog,
            rounds,
            beside,
            known: RwLock::default(),
            turn: Mutex::default(),
        };
        this.refresh()?;
        let (catalog, rounds) = (this.catalog.clone(), Arc::clone(&this.rounds));
        let found = this.wait(async move {
            // Before the rows: what another node adds meanwhile is recorded, or not in the list.
            let mut found = rounds.list().await?;
            let recorded = catalog.signed_objects().await?;
            let recorded: HashSet<_> = recorded.into_iter().collect();
            found.retain(|path| !recorded.contains(path));
            // In the order of their making.
            found.sort_unstable();
            let mut unrecorded = Vec::with_capacity(found.len());
            for path in found {
                let rows = rows_of(&path, &rounds.get(&path).await?)?;
                unrecorded.push((path, rows));
            }
            Ok(unrecorded)
        })?;
        for (path, rows) in found {
            tracing::warn!(
                path,
                "the catalog lacks what was signed in this round: it is recorded again"
            );
            match this.record(path.clone(), rows) {
                Err(StoreError::Poisoned(why)) => {
                    tracing::error!(path, why, "{CONTRARY}: the next start begins a new epoch");
                    this.demand_epoch(CONTRARY)?;
                    this.record(path, Vec::new())?;
                }
                recorded => recorded?,
            }
        }
        Ok(this)
    }

    /// Runs work beside, and waits for it.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let outcome = self
            .beside
            .wait(async move { Ok::<_, StoreError>(work.await) });
        outcome.map_err(|source| StoreError::Directory {
            what: "cannot wait for the record of what was signed".to_owned(),
            source,
        })?
    }

    /// Records the checkpoints of a round that is in the bucket.
    fn record(&self, path: String, rows: Vec<SignedRow>) -> Result<()> {
        let (catalog, up_to) = (self.catalog.clone(), self.known.read().up_to.clone());
        let since =
            self.wait(async move { catalog.record_signed(&path, &rows, up_to.as_ref()).await })?;
        self.known.write().learn(since)
    }
}

impl Checkpoints for SharedCheckpoints {
    fn domains(&self) -> Vec<Domain> {
        self.known.read().newest.keys().copied().collect()
    }

    fn newest(&self, domain: Domain) -> Option<Signed> {
        self.known.read().newest.get(&domain).cloned()
    }

    fn refresh(&self) -> Result<()> {
        let (catalog, up_to) = (self.catalog.clone(), self.known.read().up_to.clone());
        let since = self.wait(async move { catalog.signed_since(up_to.as_ref()).await })?;
        let mut known = self.known.write();
        // Another thread may know more by now.
        match (&since.up_to, &known.up_to) {
            (Some(new), Some(old)) if !new.is_beyond(old) => Ok(()),
            _ => known.learn(since),
        }
    }

    fn remember(&self, signed: &[(Domain, Signed)]) -> Result<()> {
        let _turn = self.turn.lock();
        // Before anything is skipped: the catalog may have been set back.
        self.refresh()?;
        let mut fresh = Vec::new();
        let mut lines = String::new();
        for (domain, signed) in signed {
            if covers(self.newest(*domain).as_ref(), &signed.checkpoint)? {
                continue;
            }
            lines += &signed_line(*domain, &signed.note)?;
            fresh.push(row_of(*domain, signed));
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let path = format!("{JOURNAL}/{}", Uuid::now_v7());
        let (rounds, at) = (Arc::clone(&self.rounds), path.clone());
        self.wait(async move { rounds.put(&at, lines.into()).await })?;
        self.record(path, fresh)
    }

    fn demanded_epoch(&self) -> Result<Option<String>> {
        let catalog = self.catalog.clone();
        self.wait(async move { catalog.epoch_demand().await })
    }

    fn demand_epoch(&self, reason: &str) -> Result<()> {
        let (catalog, reason) = (self.catalog.clone(), reason.to_owned());
        self.wait(async move { catalog.set_epoch_demand(Some(&reason)).await })
    }

    fn forget_demand(&self) -> Result<()> {
        let catalog = self.catalog.clone();
        self.wait(async move { catalog.set_epoch_demand(None).await })
    }
}

fn row_of(domain: Domain, signed: &Signed) -> SignedRow {
    SignedRow {
        domain: domain.to_string(),
        origin: signed.checkpoint.origin.clone(),
        size: signed.checkpoint.size,
        root: signed.checkpoint.root.0,
        note: signed.note.clone(),
    }
}

/// Returns the checkpoints of a round's object.
fn rows_of(path: &str, bytes: &[u8]) -> Result<Vec<SignedRow>> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let rows = lines.map(|line| match read(line) {
        Some(Read::Signed(domain, signed)) => Ok(row_of(domain, &signed)),
        _ => Err(StoreError::Damaged {
            what: format!("the object {path}"),
            why: "a line of it is not a checkpoint. Restore an earlier version of it, or remove it: the server then does \
                  not know what it had signed"
                .to_owned(),
        }),
    });
    rows.collect()
}
