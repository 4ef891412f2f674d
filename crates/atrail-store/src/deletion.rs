//! Deleting events on request.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use atrail_model::{Scope, Target, format_timestamp};

use crate::Store;
use crate::catalog::archive::{self, DomainRow, StoredObject};
use crate::catalog::compaction;
use crate::error::Result;
use crate::seal::Which;
use crate::store::Core;
use crate::task::joined;
use crate::wal::Rotation;

/// What a deletion took, or would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeletedTotal {
    /// Number of events.
    pub count: u64,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
}

impl Store {
    /// Deletes the events in scope that were acknowledged before the call; with `dry_run` only counts them. When it
    /// returns, their bytes are gone from the archive and from the log. Sessions that had pinned some of them are gone
    /// too, and say that `actor` did it.
    ///
    /// # Errors
    /// `TooMany` when sessions and deletions were asked for too often; when the catalog or the disk fails. What the
    /// catalog recorded as deleted is out of the archive even then; bytes that could not be erased yet are erased by the
    /// background, at the latest at the next start.
    pub async fn delete_events(
        &self,
        scope: Scope,
        actor: &str,
        dry_run: bool,
    ) -> Result<DeletedTotal> {
        let counted = self
            .status(scope)
            .await?
            .iter()
            .fold(DeletedTotal::default(), |sum, day| DeletedTotal {
                count: sum.count + day.count,
                size_bytes: sum.size_bytes + day.size_bytes,
            });
        let core = Arc::clone(&self.core);
        // An earlier deletion that could not erase its bytes from the log answers for them only when they are gone.
        let is_done = counted.count == 0 && !core.owes_erasure.load(Ordering::Relaxed);
        if dry_run || is_done {
            return Ok(counted);
        }
        let actor = actor.to_owned();
        let deletion = tokio::spawn(async move { core.delete(scope, &actor).await });
        joined(deletion).await
    }
}

impl Core {
    async fn delete(self: &Arc<Self>, scope: Scope, actor: &str) -> Result<DeletedTotal> {
        let domains = self.catalog.domains_of(scope.target).await?;
        if let Some(first) = domains.first() {
            let space = match scope.target {
                Target::Space(space) => Some(space),
                Target::Account(_) => None,
            };
            self.seal_rate.admit(
                (first.account, space),
                self.clock.now(),
                self.settings.max_sessions_per_hour,
            )?;
        }
        // A compaction has copies of what is to be erased.
        let _no_compaction = self.compacting.lock().await;
        let _no_other_seal = self.sealing.lock().await;
        self.owes_erasure.store(true, Ordering::Relaxed);
        // What is sealed goes first, since on a full disk there may be no room to seal the rest before.
        let mut total = self.remove_and_erase(&domains, &scope, actor).await?;
        let its_own = || Which::These(domains.iter().map(|row| row.domain).collect());
        self.with_reserve(|| self.seal_alone(its_own())).await?;
        let fresh = self.remove_and_erase(&domains, &scope, actor).await?;
        total.count += fresh.count;
        total.size_bytes += fresh.size_bytes;
        self.erase_from_log().await?;
        Ok(total)
    }

    /// Ends what an earlier deletion could not.
    pub(crate) async fn finish_erasure(self: &Arc<Self>) -> Result<()> {
        if !self.owes_erasure.load(Ordering::Relaxed) {
            return Ok(());
        }
        // A deletion under way does it itself.
        match self.sealing.try_lock() {
            Ok(_no_other_seal) => self.erase_from_log().await,
            Err(_) => Ok(()),
        }
    }

    /// Gets what was deleted out of the log. The sealing lock is held.
    async fn erase_from_log(self: &Arc<Self>) -> Result<()> {
        // A log file can go only when nothing in it is unsealed: what came meanwhile is sealed too.
        self.with_reserve(|| self.wal.trim(Rotation::EvenSmall))
            .await?;
        self.with_reserve(|| self.seal_alone(Which::All)).await?;
        self.wal.trim(Rotation::None).await?;
        self.owes_erasure.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn remove_and_erase(
        &self,
        domains: &[DomainRow],
        scope: &Scope,
        actor: &str,
    ) -> Result<DeletedTotal> {
        let removal = self.with_reserve(|| self.remove(domains, scope, actor));
        let (objects, total) = removal.await?;
        let paths: Vec<_> = objects.into_iter().map(|object| object.path).collect();
        self.erase(&paths).await;
        Ok(total)
    }

    /// Takes the events out of the archive, and from then on counts them no more.
    async fn remove(
        &self,
        domains: &[DomainRow],
        scope: &Scope,
        actor: &str,
    ) -> Result<(Vec<StoredObject>, DeletedTotal)> {
        let _nobody_counts = self.published.write().await;
        let mut tx = self.catalog.begin("delete events").await?;
        let objects = archive::objects_in(&mut tx, domains, scope).await?;
        let mut removed: HashSet<_> = objects.iter().map(|object| object.id).collect();
        removed.extend(compaction::former_ids(&mut tx, domains, scope).await?);
        let reason = format!(
            "events were deleted by {actor} at {}",
            format_timestamp(self.clock.now())
        );
        let hit = self
            .catalog
            .end_sessions(&mut tx, domains, scope, &removed, &reason)
            .await?;
        archive::remove_objects(&mut tx, domains, scope, &objects).await?;
        self.catalog.commit(tx, "delete events").await?;
        self.plans.forget(&hit);
        let total = archive::sum(&objects);
        Ok((objects, total))
    }
}
