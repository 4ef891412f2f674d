//! Signing what the catalog has committed. `docs/EVIDENCE.md` has the formats and the rules.
//!
//! A checkpoint leaves this module only after it was written to a file outside the catalog and that file was synced:
//! whoever loses the catalog, or puts an older one in its place, finds there what had been signed.

mod demand;
mod journal;
mod key;
mod receipt;
mod rotation;
mod start;

pub(crate) use demand::{demand_epoch, demand_epoch_of_taken_in, is_taking_in};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_evidence::{Checkpoint, SigningKey, VerifierKey, origin};
use atrail_model::Domain;

use crate::catalog::Catalog;
use crate::catalog::domains::DomainRow;
use crate::catalog::log::Head;
use crate::error::{Result, StoreError, chain, is_full};
use journal::Journal;
pub(crate) use receipt::{About, Gathered, gather};

/// What signs, and what remembers what was signed.
#[derive(Debug)]
pub(crate) struct Signing {
    data_dir: PathBuf,
    /// Held for reading while something is signed that belongs together, for writing while the key changes.
    key: tokio::sync::RwLock<Arc<SigningKey>>,
    journal: tokio::sync::Mutex<Journal>,
}

impl Signing {
    /// Opens the evidence of a data directory, making a key under this name when there is none.
    pub(crate) fn open(data_dir: &Path, server_name: Option<&str>) -> Result<Self> {
        Ok(Self {
            data_dir: data_dir.to_owned(),
            key: tokio::sync::RwLock::new(Arc::new(key::load_or_make(data_dir, server_name)?)),
            journal: tokio::sync::Mutex::new(Journal::open(data_dir)?),
        })
    }

    /// The key that signatures are verified with.
    pub(crate) async fn verifier_key(&self) -> VerifierKey {
        self.key.read().await.verifier_key().clone()
    }

    /// The server's name, which keys and origins begin with.
    async fn name(&self) -> String {
        self.key.read().await.name().to_owned()
    }

    /// The right to sign with one and the same key until it is dropped.
    pub(crate) async fn signer(&self) -> Signer<'_> {
        Signer {
            key: self.key.read().await,
            journal: &self.journal,
        }
    }
}

/// Signs with one key.
pub(crate) struct Signer<'a> {
    key: tokio::sync::RwLockReadGuard<'a, Arc<SigningKey>>,
    journal: &'a tokio::sync::Mutex<Journal>,
}

impl Signer<'_> {
    /// The checkpoints of committed heads, in their order, remembered durably.
    ///
    /// # Errors
    /// `Poisoned` when a signature for another history is known, or an earlier write failed; `Full` on a full disk.
    pub(crate) async fn checkpoints(&self, heads: &[(Domain, Head)]) -> Result<Vec<String>> {
        let signed = heads.iter().map(|(domain, head)| {
            let checkpoint = Checkpoint {
                origin: origin(self.key.name(), &domain.to_string(), &head.epoch),
                size: head.size,
                root: head.root,
            };
            let note = key::signed(checkpoint.sign(&self.key))?;
            Ok((*domain, checkpoint, note))
        });
        let signed: Vec<_> = signed.collect::<Result<_>>()?;
        self.journal.lock().await.remember(&signed)?;
        Ok(signed.into_iter().map(|(_, _, note)| note).collect())
    }

    /// Signs and remembers those heads that are not remembered yet.
    async fn sign_new(&self, mut heads: Vec<(Domain, Head)>) -> Result<()> {
        {
            let journal = self.journal.lock().await;
            heads.retain(|(domain, head)| {
                let origin = origin(self.key.name(), &domain.to_string(), &head.epoch);
                journal.newest(*domain).is_none_or(|signed| {
                    signed.checkpoint.origin != origin || signed.checkpoint.size < head.size
                })
            });
        }
        if heads.is_empty() {
            return Ok(());
        }
        self.checkpoints(&heads).await.map(drop)
    }
}

impl Signing {
    /// Signs where the logs of these domains stand, durably.
    pub(crate) async fn sign(&self, catalog: &Catalog, domains: &[DomainRow]) -> Result<()> {
        catalog.anchors().check()?;
        let signer = self.signer().await;
        signer.sign_new(catalog.heads_of(domains).await?).await
    }

    /// Signs where every log stands, so that what is at rest is covered by a signature soon.
    ///
    /// # Errors
    /// The first, when some cannot be signed; the others are.
    pub(crate) async fn sign_all(&self, catalog: &Catalog) -> Result<()> {
        let unsigned = self.sign_each(catalog).await?;
        unsigned
            .into_iter()
            .next()
            .map_or(Ok(()), |(_, error)| Err(error))
    }

    /// As [`Self::sign_all`], telling of which domains nothing could be signed, and why.
    ///
    /// # Errors
    /// On a full disk, or when the catalog fails.
    pub(crate) async fn sign_each(&self, catalog: &Catalog) -> Result<Vec<(Domain, StoreError)>> {
        catalog.anchors().check()?;
        let signer = self.signer().await;
        let heads = catalog.heads().await?;
        let together = signer.sign_new(heads.clone()).await;
        if together.is_ok() || is_full(&together) {
            return together.map(|()| Vec::new());
        }
        let mut unsigned = Vec::new();
        for (domain, head) in heads {
            if let Err(error) = signer.sign_new(vec![(domain, head)]).await {
                tracing::error!(%domain, error = chain(&error), "a domain's log cannot be signed");
                unsigned.push((domain, error));
            }
        }
        Ok(unsigned)
    }
}
