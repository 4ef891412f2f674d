//! Deletes events on request.
//!
//! Order of durability: the catalog's transaction removes the events and appends the deletion to the domain's log; a
//! checkpoint of that log is signed and kept; only then bytes are erased, in the archive and in the write-ahead log. Of
//! very many objects that transaction removes only the sight: their rows go part by part, so that others can write to the
//! catalog in between.

use std::sync::Arc;

use atrail_catalog::deletion::Removed;
use atrail_catalog::domains::DomainRow;
use atrail_catalog::in_scope::TakenObject;
use atrail_catalog::outcome::Trace;
use atrail_disk::{Result, StoreError, chain, is_full, joined};
use atrail_model::{EventTotal, OwnedRequester, Requester, Scope};

use crate::Store;
use crate::core::Core;
use crate::duties::{Duty, claim_all, to_take_out};
use crate::removals::RemovalOf;

impl Store {
    /// Deletes the events in scope that were acknowledged before the call; with `dry_run` it only counts them. When it
    /// returns, their bytes are gone from the archive and from the log. Sessions that had pinned some of them are gone
    /// too, and name the requester of the deletion. The log of each domain records the deletion for ever.
    ///
    /// # Errors
    /// `Held` while a legal hold stands; `TooMany` when sessions and deletions were requested too often; `Unsealable`
    /// while events in scope cannot be put into the archive; or when the catalog or the disk fails. Nothing was deleted
    /// then, except with `Partly`, which states what was deleted: on a full disk, sealed events must be deleted before
    /// the rest can be sealed.
    pub async fn delete_events(
        &self,
        scope: Scope,
        requester: impl Into<Requester<'_>>,
        dry_run: bool,
    ) -> Result<EventTotal> {
        let domains = self.core.catalog.domains_of(scope.target).await?;
        self.core.catalog.refuse_held(&domains).await?;
        let counted = self.count(scope).await?;
        let core = Arc::clone(&self.core);
        // The repetition of an earlier deletion succeeds only once its bytes are gone. While that deletion is erasing
        // them, it has claimed the domains.
        let are_free = async || {
            for row in &domains {
                if core
                    .duties
                    .try_claim(Duty::Compact(row.domain))
                    .await
                    .is_none()
                {
                    return false;
                }
            }
            true
        };
        let is_done = counted.count == 0
            && are_free().await
            && !core
                .log_erasure
                .owes_one_of(domains.iter().map(|row| row.domain))
            && !core.owes_objects.owes()
            && !core.catalog.has_retired(&domains, &scope).await?;
        if dry_run || is_done {
            return Ok(counted);
        }
        core.admit_record(scope.target).await?;
        self.delete_now(scope, domains, requester.into()).await
    }

    /// Deletes regardless of requester and rate limit, and completes even when nobody waits for it any longer.
    pub(crate) async fn delete_now(
        &self,
        scope: Scope,
        domains: Vec<DomainRow>,
        requester: Requester<'_>,
    ) -> Result<EventTotal> {
        let core = Arc::clone(&self.core);
        let requester = OwnedRequester::from(requester);
        let deletion =
            tokio::spawn(async move { core.delete(scope, &domains, requester.get()).await });
        joined(deletion).await
    }

    /// Counts the events that a deletion of this scope would remove now.
    pub(crate) async fn count(&self, scope: Scope) -> Result<EventTotal> {
        let days = self.status(scope).await?;
        let days = days.iter().map(|day| EventTotal {
            count: day.count,
            size_bytes: day.size_bytes,
            is_owed: false,
        });
        Ok(days.fold(EventTotal::default(), EventTotal::and))
    }
}

/// Whether bytes may be erased: once the deletion is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    Go,
    Stay,
}

impl Core {
    async fn delete(
        self: &Arc<Self>,
        scope: Scope,
        domains: &[DomainRow],
        mut requester: Requester<'_>,
    ) -> Result<EventTotal> {
        // A compaction has copies of the events to erase, and so has what writes the search index, which gives way.
        let own = || domains.iter().map(|row| row.domain);
        let _interrupted = self.indexing.interrupt(own());
        let nobody_else = claim_all(&*self.duties, to_take_out(own())).await;
        let partly = |done: EventTotal| {
            move |rest: StoreError| match done.count {
                0 => rest,
                _ => StoreError::Partly {
                    done,
                    rest: Box::new(rest),
                },
            }
        };
        let mut total = EventTotal::default();
        // What an earlier deletion could not finish.
        self.with_reserve(|| self.remove_rest(domains, Bytes::Stay))
            .await?;
        // All events are sealed first, so that one transaction removes all of them or none: a hold comes before it or
        // after it.
        let sealed = self.with_reserve(|| self.seal_claimed(domains)).await;
        if is_full(&sealed) {
            // There is no room to seal the rest before the sealed events are erased.
            total = self.remove_and_erase(domains, &scope, requester).await?;
            // From here on the deletion completes even if the requester's rights are revoked.
            requester.warrant = None;
            let rest = self.with_reserve(|| async {
                self.remove_rest(domains, Bytes::Stay).await?;
                self.seal_claimed(domains).await
            });
            rest.await.map_err(partly(total))?;
        } else {
            sealed?;
        }
        let can_go = self.apart.refuse_in(domains, &scope);
        can_go.map_err(partly(total))?;
        let removed = self.remove_and_erase(domains, &scope, requester).await;
        total = total.and(removed.map_err(partly(total))?);
        if self.owes_objects.owes() {
            let erased = self.erase_rest_of(&own().collect()).await;
            total.is_owed = !erased.unwrap_or(false);
        }
        drop(nobody_else);
        self.indexing.look_again();
        if let Err(error) = self.erase_from_log().await {
            tracing::warn!(
                error = chain(&error),
                "the log of events still has deleted events; the server tries again"
            );
            total.is_owed = true;
        }
        Ok(total)
    }

    async fn remove_and_erase(
        &self,
        domains: &[DomainRow],
        scope: &Scope,
        requester: Requester<'_>,
    ) -> Result<EventTotal> {
        self.log_erasure.owe(domains.iter().map(|row| row.domain));
        let removal = self.with_reserve(|| self.remove(domains, scope, requester));
        let removed = removal.await?;
        let mut total = removed.total;
        if removed.objects.is_empty() {
            return Ok(total);
        }
        let signed = self
            .with_reserve(|| self.signing.sign(&self.catalog, domains))
            .await;
        let bytes = match &signed {
            Ok(()) => Bytes::Go,
            Err(error) => {
                tracing::error!(
                    error = chain(error),
                    "bytes of deleted events stay until their deletion can be signed"
                );
                self.owes_objects.owe();
                Bytes::Stay
            }
        };
        let is_erased = if removed.is_rest_left {
            let rest = self.with_reserve(|| self.remove_rest(domains, bytes)).await;
            rest.unwrap_or_else(|error| {
                tracing::warn!(
                    error = chain(&error),
                    "the catalog still has rows of deleted events; the server tries again"
                );
                false
            })
        } else if bytes == Bytes::Go {
            let paths = removed.objects.into_iter().map(|object| object.path);
            let paths: Vec<_> = paths.chain(removed.index_paths).collect();
            self.erase(&paths).await
        } else {
            false
        };
        total.is_owed = !is_erased;
        Ok(total)
    }

    /// Removes the rows of what is removed from the sight of all, in domains that the caller has claimed, and erases
    /// their bytes if those may go. Returns whether all bytes are erased. An error leaves the rest owed.
    pub(crate) async fn remove_rest(&self, domains: &[DomainRow], bytes: Bytes) -> Result<bool> {
        let mut is_erased = bytes == Bytes::Go;
        loop {
            let part = match self.catalog.remove_part(domains).await {
                Ok(None) => return Ok(is_erased),
                Ok(Some(part)) => part,
                Err(error) => {
                    self.owes_objects.owe();
                    return Err(error);
                }
            };
            match bytes {
                Bytes::Go => is_erased &= self.erase(&part.paths).await,
                Bytes::Stay if part.paths.is_empty() => {}
                Bytes::Stay => self.owes_objects.owe(),
            }
        }
    }

    /// Removes the events from the archive; from then on they no longer count.
    async fn remove(
        &self,
        domains: &[DomainRow],
        scope: &Scope,
        requester: Requester<'_>,
    ) -> Result<Removed> {
        let now = self.clock.now();
        let prepared = self.catalog.prepare_removal(domains, scope, requester, now);
        let (removal, removed) = prepared.await?;
        let committed = removal.commit().await;
        // Even after an error, which leaves unknown whether the commit took effect.
        let noticed = self.note_removal(RemovalOf::Events).await;
        self.plans.forget(&removed.sessions);
        if let Err(error) = committed
            && !self.is_removed(&removed.objects, &error).await?
        {
            return Err(error);
        }
        noticed?;
        let is_removed = |domain| domains.iter().any(|row| row.domain == domain);
        let recent = self.journal.recent();
        recent.forget(is_removed, scope.days, scope.hours);
        Ok(removed)
    }

    /// Reports whether these objects are gone from the archive although the commit that removes them was reported as
    /// failed.
    ///
    /// # Errors
    /// When the catalog does not answer. Then the erasure is owed: whatever it has noted as waste is erased as soon as
    /// it answers.
    async fn is_removed(&self, objects: &[TakenObject], error: &StoreError) -> Result<bool> {
        let Some(first) = objects.first() else {
            return Ok(false);
        };
        let trace = Trace::Deletion(first.id);
        let is_removed = self.took_effect(error, &[trace]).await;
        let is_removed = is_removed.map(|are_there| are_there == [true]);
        if !matches!(&is_removed, Ok(false)) {
            self.owes_objects.owe();
        }
        is_removed
    }
}

#[cfg(test)]
mod tests;
