//! Signs what the catalog has committed. `docs/EVIDENCE.md` has the formats and the rules.
//!
//! A checkpoint leaves this module only after it is durable outside the catalog ([`checkpoints`]): so the record of
//! signed checkpoints survives the loss of the catalog, or its replacement by an older one.

pub(crate) mod checkpoints;
mod day;
mod demand;
mod key;
mod receipt;
mod rotation;
mod start;

pub(crate) use day::gather_day;
pub(crate) use demand::{demand_epoch_of_taken_in, is_taking_in};

use std::sync::Arc;

use atrail_catalog::Catalog;
use atrail_catalog::domains::DomainRow;
use atrail_catalog::log::Head;
use atrail_disk::{Result, StoreError, chain, is_full, off_thread};
use atrail_evidence::{Checkpoint, SigningKey, VerifierKey, origin};
use atrail_model::Domain;

use crate::secrets::Secrets;
use checkpoints::{Checkpoints, Signed};
pub(crate) use receipt::{About, Gathered, gather};

/// The signing key, and the record of everything that was signed.
#[derive(Debug)]
pub(crate) struct Signing {
    secrets: Arc<dyn Secrets>,
    checkpoints: Arc<dyn Checkpoints>,
    /// Held for reading while several signatures must be of one key, for writing while the key changes.
    key: tokio::sync::RwLock<Arc<SigningKey>>,
}

impl Signing {
    /// Signs with the stored key, or with a new one under this name when there is none.
    pub(crate) fn open(
        secrets: Arc<dyn Secrets>,
        checkpoints: Arc<dyn Checkpoints>,
        server_name: Option<&str>,
    ) -> Result<Self> {
        let key = key::load_or_make(&*secrets, server_name)?;
        Ok(Self {
            secrets,
            checkpoints,
            key: tokio::sync::RwLock::new(Arc::new(key)),
        })
    }

    /// Returns the key that verifies the signatures.
    pub(crate) async fn verifier_key(&self) -> VerifierKey {
        self.key.read().await.verifier_key().clone()
    }

    /// Returns the record of signed checkpoints.
    pub(crate) fn checkpoints(&self) -> &dyn Checkpoints {
        &*self.checkpoints
    }

    /// Returns the server's name, with which keys and origins begin.
    async fn name(&self) -> String {
        self.key.read().await.name().to_owned()
    }

    /// Returns the right to sign with one and the same key until it is dropped.
    pub(crate) async fn signer(&self) -> Signer<'_> {
        Signer {
            key: self.key.read().await,
            checkpoints: &self.checkpoints,
        }
    }
}

/// Signs with one key.
pub(crate) struct Signer<'a> {
    key: tokio::sync::RwLockReadGuard<'a, Arc<SigningKey>>,
    checkpoints: &'a Arc<dyn Checkpoints>,
}

impl Signer<'_> {
    /// Returns the checkpoints of committed heads, in their order, after recording them durably.
    ///
    /// # Errors
    /// `Poisoned` when a signature for another history is recorded, or an earlier write failed; `Full` on a full disk.
    pub(crate) async fn checkpoints(&self, heads: &[(Domain, Head)]) -> Result<Vec<String>> {
        let signed = heads.iter().map(|(domain, head)| {
            let checkpoint = Checkpoint {
                origin: origin(self.key.name(), &domain.to_string(), &head.epoch),
                size: head.size,
                root: head.root,
            };
            let note = key::signed(checkpoint.sign(&self.key))?;
            Ok((*domain, Signed { checkpoint, note }))
        });
        let signed: Vec<_> = signed.collect::<Result<_>>()?;
        let notes = signed.iter().map(|(_, signed)| signed.note.clone());
        let notes = notes.collect();
        let checkpoints = Arc::clone(self.checkpoints);
        off_thread(move || checkpoints.remember(&signed)).await?;
        Ok(notes)
    }

    /// Signs and records those heads that are not recorded yet.
    async fn sign_new(&self, mut heads: Vec<(Domain, Head)>) -> Result<()> {
        heads.retain(|(domain, head)| {
            let origin = origin(self.key.name(), &domain.to_string(), &head.epoch);
            let newest = self.checkpoints.newest(*domain);
            newest.is_none_or(|signed| {
                signed.checkpoint.origin != origin || signed.checkpoint.size < head.size
            })
        });
        if heads.is_empty() {
            return Ok(());
        }
        self.checkpoints(&heads).await.map(drop)
    }
}

impl Signing {
    /// Signs the present states of these domains' logs, and records them durably.
    pub(crate) async fn sign(&self, catalog: &Catalog, domains: &[DomainRow]) -> Result<()> {
        catalog.anchors().check()?;
        let signer = self.signer().await;
        signer.sign_new(catalog.heads_of(domains).await?).await
    }

    /// Signs the present state of every log, so that a signature soon covers logs that do not change any more.
    ///
    /// # Errors
    /// The first failure, when some cannot be signed; the others are.
    pub(crate) async fn sign_all(&self, catalog: &Catalog) -> Result<()> {
        let unsigned = self.sign_each(catalog).await?;
        unsigned
            .into_iter()
            .next()
            .map_or(Ok(()), |(_, error)| Err(error))
    }

    /// As [`Self::sign_all`], but returns the domains that could not be signed, each with the reason.
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
