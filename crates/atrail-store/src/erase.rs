//! Erases bytes that do not belong to the archive, or no longer do.

mod log;
pub(crate) mod log_debt;
pub(crate) mod owed;

use std::collections::HashSet;

use atrail_archive::object::{INDEX_PREFIX, domain_of};
use atrail_disk::{Result, chain, is_full};
use atrail_model::Domain;
use futures_util::{StreamExt, stream};

use crate::core::Core;
use crate::deletion::Bytes;
use crate::duties::{to_take_out, try_claim_all};
use crate::removals::RemovalOf;

/// Number of objects that are erased at the same time.
const PARALLEL: usize = 4;

impl Core {
    /// Erases objects that do not belong to the archive; returns `false` when some remain. It tries each of them: the
    /// catalog keeps the paths of those that remain, and the background tries again.
    pub(crate) async fn erase(&self, paths: &[String]) -> bool {
        let tried: Vec<(String, Result<()>)> = stream::iter(paths.to_vec())
            .map(|path| async move {
                let may_erase = self.catalog.anchors().check();
                let deleted = match may_erase.and_then(|()| self.refuse_without_lease()) {
                    Ok(()) => match path.strip_prefix(INDEX_PREFIX) {
                        Some(path) => self.index.delete(path).await,
                        None => self.blobs.delete(&path).await,
                    },
                    moved => moved,
                };
                (path, deleted)
            })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        let deleted = tried.iter().filter(|(_, deleted)| deleted.is_ok());
        let deleted: Vec<_> = deleted.map(|(path, _)| path.clone()).collect();
        // Syncs each directory once. Only if one of them fails, each path is checked on its own.
        let is_synced = self.settle_deletions(&deleted).await.is_ok();
        let mut gone = Vec::with_capacity(tried.len());
        let mut left = 0;
        for (path, deleted) in tried {
            let erased = match deleted {
                Ok(()) if !is_synced => self.settle_deletions(std::slice::from_ref(&path)).await,
                deleted => deleted,
            };
            match erased {
                Ok(()) => gone.push(path),
                Err(error) => {
                    left += 1;
                    tracing::warn!(
                        path,
                        error = chain(&error),
                        "bytes could not be erased; the server tries again"
                    );
                }
            }
        }
        self.counters.erase_failures.add(left);
        if let Err(error) = self.with_reserve(|| self.catalog.forget_waste(&gone)).await {
            tracing::warn!(
                error = chain(&error),
                "the catalog could not record an erasure; the server tries again"
            );
            left += 1;
        }
        if left > 0 {
            self.owes_objects.owe();
        }
        left == 0
    }

    /// Makes deletions of objects and of files of the index durable.
    async fn settle_deletions(&self, paths: &[String]) -> Result<()> {
        let (of_index, objects): (Vec<_>, Vec<_>) = paths
            .iter()
            .cloned()
            .partition(|path| path.starts_with(INDEX_PREFIX));
        let of_index = of_index
            .iter()
            .filter_map(|path| path.strip_prefix(INDEX_PREFIX));
        let of_index: Vec<_> = of_index.map(str::to_owned).collect();
        if !of_index.is_empty() {
            self.index.settle_deletions(&of_index).await?;
        }
        if objects.is_empty() {
            return Ok(());
        }
        self.blobs.settle_deletions(&objects).await
    }

    /// Erases the objects that an earlier try could not erase.
    pub(crate) async fn erase_owed(&self) -> Result<()> {
        if !self.owes_objects.owes() {
            return Ok(());
        }
        // The note stands until the bytes are gone: nobody says meanwhile that they are. Whoever leaves some from here on is not settled.
        let number = self.owes_objects.number();
        let waste = self.catalog.waste().await;
        let removed = self.catalog.being_removed().await;
        let mut is_left = waste.is_err() || removed.is_err();
        let domains: HashSet<_> = waste
            .iter()
            .flatten()
            .filter_map(|path| domain_of(path))
            .chain(removed.iter().flatten().map(|row| row.domain))
            .collect();
        for domain in domains {
            // Nobody is writing an object of the domain: each noted path is of an object to erase. A task that works on
            // the domain erases its own waste, and nobody waits for it.
            let duties = to_take_out([domain].into_iter());
            let claims = try_claim_all(&*self.duties, duties).await;
            let erased = match claims {
                Some(_claims) => self.erase_rest_of(&HashSet::from([domain])).await,
                None => Ok(false),
            };
            is_left |= !erased.unwrap_or(false);
        }
        if !is_left {
            self.owes_objects.settle(number);
        }
        waste.and(removed).map(drop)
    }

    /// Removes what is left of removals in these domains, which the caller has claimed, and erases their noted waste;
    /// returns `false` when some remains.
    pub(crate) async fn erase_rest_of(&self, domains: &HashSet<Domain>) -> Result<bool> {
        let rows = self.domains(domains.iter().copied()).await?;
        let rows = domains.iter().filter_map(|one| rows.get(one).copied());
        let rows: Vec<_> = rows.collect();
        self.with_reserve(|| self.remove_rest(&rows, Bytes::Stay))
            .await?;
        self.erase_waste_of(domains).await
    }

    /// Erases the noted waste of these domains, which the caller has claimed; returns `false` when some remains. It
    /// signs the record of a deletion before it erases the bytes.
    pub(crate) async fn erase_waste_of(&self, domains: &HashSet<Domain>) -> Result<bool> {
        if self.unknown_seal.lock().is_some() {
            // Some of it may belong to the archive.
            return Ok(false);
        }
        let mut waste = if self.catalog.is_shared() {
            self.catalog.certain_waste().await?
        } else {
            self.catalog.waste().await?
        };
        waste.retain(|path| domain_of(path).is_some_and(|domain| domains.contains(&domain)));
        if waste.is_empty() {
            return Ok(true);
        }
        if self.catalog.is_shared() {
            // The node that removed it may have ended before all others had noticed.
            self.note_removal(RemovalOf::Events).await?;
        }
        let rows = self.domains(domains.iter().copied()).await?;
        let rows: Vec<_> = domains
            .iter()
            .filter_map(|one| rows.get(one).copied())
            .collect();
        self.with_reserve(|| self.signing.sign(&self.catalog, &rows))
            .await?;
        Ok(self.erase(&waste).await)
    }

    /// Erases all noted waste, except that of domains that cannot be signed: it signs the record of a deletion before
    /// it erases the bytes. Nobody is sealing, compacting or deleting.
    pub(crate) async fn erase_waste(&self) -> Result<()> {
        if self.unknown_seal.lock().is_some() {
            // Some of it may belong to the archive.
            return Ok(());
        }
        let number = self.owes_objects.number();
        let waste = self.catalog.waste().await?;
        if waste.is_empty() {
            self.owes_objects.settle(number);
            return Ok(());
        }
        tracing::info!(objects = waste.len(), "erasing unfinished objects");
        let unsigned = self
            .with_reserve(|| self.signing.sign_each(&self.catalog))
            .await?;
        if !unsigned.is_empty() {
            self.owes_objects.owe();
        }
        let unsigned: Vec<_> = unsigned.iter().map(|(domain, _)| *domain).collect();
        let is_signed =
            |path: &String| domain_of(path).is_none_or(|domain| !unsigned.contains(&domain));
        let waste: Vec<_> = waste.into_iter().filter(is_signed).collect();
        if self.erase(&waste).await && unsigned.is_empty() {
            self.owes_objects.settle(number);
        }
        Ok(())
    }

    /// Erases what an earlier process left. It signs the record of a deletion before it erases the bytes: when it
    /// cannot sign, the background erases them later.
    pub(crate) async fn end_erasures(&self) -> Result<()> {
        let signed = self
            .with_reserve(|| self.signing.sign_each(&self.catalog))
            .await;
        if is_full(&signed) {
            tracing::warn!("the disk is full: what is to be erased stays until there is space");
            self.owes_objects.owe();
            return Ok(());
        }
        signed?;
        self.erase_waste().await
    }
}
