//! The store's own tasks, every second or less often. They end with the store.

use std::sync::{Arc, Weak};
use std::time::Duration;

use atrail_disk::{Result, chain, is_full, off_thread_low};
use atrail_model::Timestamp;
use atrail_wal::{Ripe, Rotation};

use crate::core::{Core, Store};
use crate::duties::Duty;
use crate::retention::Busy;
use crate::seal::scope::SealScope;

/// How often the background checks the length of the catalog's log while somebody writes.
const LOOK: Duration = Duration::from_millis(50);
/// How often the catalog records the uses of sessions. A tick is a second, unless the settings say otherwise.
const TELL_EVERY_TICKS: u32 = 5;
/// How often ended sessions and logins are deleted, and the passed time is recorded.
const FORGET_EVERY_TICKS: u32 = 60;
/// How often retention is enforced, in ticks.
const SWEEP_EVERY_TICKS: u32 = 300;

/// Seals by size and age, records the uses of sessions in the catalog, deletes ended ones. Ends with the store.
pub(crate) async fn background(core: Weak<Core>) {
    let mut ticks = 0_u32;
    loop {
        let Some((journal, tick)) = core
            .upgrade()
            .map(|core| (Arc::clone(&core.journal), core.settings.tick))
        else {
            return;
        };
        // Both outcomes lead to the same check.
        let _ = tokio::time::timeout(tick, journal.wait_until_ripe()).await;
        drop(journal);
        let Some(core) = core.upgrade() else { return };
        ticks = ticks.wrapping_add(1);
        core.time.watch();
        if let Err(moved) = core.catalog.anchors().check() {
            core.journal.poison(moved.to_string());
        }
        let mut outcome = core.told(core.seal_due().await);
        if is_full(&outcome) {
            // Before the check for space, which gives the seal the reserve.
            core.journal.note_full();
        }
        outcome = outcome.and(core.look_for_space().await);
        core.catalog.move_texts_from_log().await;
        outcome = outcome.and(core.finish_erasure().await);
        let store = Store { core };
        outcome = outcome.and(store.take_in_waiting().await);
        let core = store.core;
        if ticks.is_multiple_of(TELL_EVERY_TICKS) {
            outcome = outcome.and(core.tell_activity().await);
        }
        if ticks.is_multiple_of(FORGET_EVERY_TICKS) {
            let kept = core.told(core.time.keep(&core.catalog).await);
            // Without room, a later minute records it; the log may have room nevertheless.
            if !is_full(&kept) {
                outcome = outcome.and(kept);
            }
            outcome = outcome.and(core.forget_ended_sessions().await);
            outcome = outcome.and(core.forget_ended_logins().await);
            outcome = outcome.and(core.forget_expired_invitations().await);
            outcome = outcome.and(core.delete_stray_texts().await);
            outcome = outcome.and(core.signing.sign_all(&core.catalog).await);
            if core.catalog.is_shared() {
                // Another node may have ended in the middle of its work.
                outcome = outcome.and(core.trim(Rotation::None).await);
                core.owes_objects.owe();
                core.indexing.look_again();
            }
            outcome = outcome.and(core.erase_owed().await);
        }
        outcome = core.told(outcome);
        if is_full(&outcome) {
            core.journal.note_full();
        }
        if let Err(error) = outcome {
            tracing::error!(
                error = chain(&error),
                "background work failed; the server tries again"
            );
            tokio::time::sleep(tick).await;
        }
    }
}

/// Enforces retention. Ends with the store. Nobody's seal waits for it, however many rows of one tenant are to go.
pub(crate) async fn enforce_retention(core: Weak<Core>) {
    loop {
        let Some(tick) = core.upgrade().map(|core| core.settings.tick) else {
            return;
        };
        tokio::time::sleep(tick.saturating_mul(SWEEP_EVERY_TICKS)).await;
        let Some(core) = core.upgrade() else { return };
        let swept = core.told(core.sweep(Busy::Leave).await);
        if is_full(&swept) {
            core.journal.note_full();
        }
        if let Err(error) = swept {
            tracing::error!(
                error = chain(&error),
                "retention could not be enforced everywhere; the server tries again"
            );
        }
    }
}

/// Keeps the catalog's log short, so that no commit has to. Ends with the store.
pub(crate) async fn tend_log(core: Weak<Core>) {
    loop {
        // Commits in quick succession are one reason to look.
        tokio::time::sleep(LOOK).await;
        let Some((catalog, tick)) = core
            .upgrade()
            .map(|core| (core.catalog.clone(), core.settings.tick))
        else {
            return;
        };
        // The store may end while nobody writes.
        let written = tokio::time::timeout(tick, catalog.wait_for_commit());
        if written.await.is_ok() {
            catalog.tend_log().await;
        }
    }
}

/// Number of arrivals of requests that one transaction forgets.
const ARRIVALS_AT_ONCE: u32 = 1000;

/// Keeps the detection of repeated events cheap. Ends with the store.
pub(crate) async fn tend_dedup(core: Weak<Core>) {
    loop {
        let Some(tick) = core.upgrade().map(|core| core.settings.tick) else {
            return;
        };
        tokio::time::sleep(tick).await;
        let Some(core) = core.upgrade() else { return };
        // (Of several nodes one does it.)
        let Some(claim) = core.duties.try_claim(Duty::Runs).await else {
            continue;
        };
        let worked = Arc::clone(&core);
        let work = off_thread_low(move || {
            let (core, _claim) = (worked, claim);
            let now = core.time.age();
            core.dedup.expire(now);
            // Merging needs space, which a disk too full for the log does not have.
            if core.journal.refusal().is_none() {
                core.dedup.merge(now);
            }
            Ok(())
        });
        if let Err(error) = work.await {
            tracing::error!(%error, "the upkeep of the runs of sealed events failed");
        }
        let window = core.settings.dedup_window;
        let before = core
            .time
            .age()
            .checked_sub(window)
            .unwrap_or(Timestamp::MIN);
        if let Err(error) = core.catalog.forget_arrivals(before, ARRIVALS_AT_ONCE).await {
            tracing::error!(%error, "old arrivals of requests cannot be forgotten");
        }
    }
}

impl Core {
    /// Records the latest uses of sessions in the catalog.
    pub(crate) async fn tell_activity(&self) -> Result<()> {
        let news = self.activity.news();
        if news.is_empty() {
            return Ok(());
        }
        self.catalog.note_activity(&news).await?;
        self.activity.forget_told(&news);
        Ok(())
    }

    /// Deletes the sessions that have ended. The latest uses are known only in memory: it records them first.
    pub(crate) async fn forget_ended_sessions(&self) -> Result<()> {
        let news = self.activity.news();
        let ended = self.settings.sessions_ended_by(self.time.age());
        self.catalog.end_expired_sessions(&news, ended).await
    }

    /// Deletes the logins that have certainly expired, and, while the clock is right, those that began when it was far
    /// ahead: they would live longer by as much as it was ahead.
    pub(crate) async fn forget_ended_logins(&self) -> Result<()> {
        let ended_by = self.time.read().certain();
        let plausible = self.time.right_again();
        let identity = self.catalog.identity();
        let forgotten = identity.forget_logins(ended_by, plausible).await;
        if forgotten.is_err() && plausible.is_some() {
            self.time.may_have_been_ahead();
        }
        forgotten
    }

    /// Deletes the texts of sessions that have ended, a part at a time.
    pub(crate) async fn delete_stray_texts(&self) -> Result<()> {
        let is_being_made = |generation: &_| {
            if self.catalog.is_shared() {
                self.makings.may_have_elsewhere(generation)
            } else {
                self.makings.has(generation)
            }
        };
        self.catalog.delete_stray_texts(is_being_made).await
    }

    /// Deletes the invitations that have certainly expired.
    pub(crate) async fn forget_expired_invitations(&self) -> Result<()> {
        let expired_by = self.time.read().certain();
        let identity = self.catalog.identity();
        identity.forget_invitations(expired_by).await
    }

    /// Seals the domains that are due.
    async fn seal_due(self: &Arc<Self>) -> Result<()> {
        match self.journal.ripe() {
            Some(Ripe::Bytes) => return self.seal_free(SealScope::All).await,
            // A domain with few hours keeps gathering; when no domain has many, all together have too many.
            Some(Ripe::Hours) => {
                self.seal_free(SealScope::ManyHours).await?;
                if self.journal.ripe().is_some() {
                    return self.seal_free(SealScope::All).await;
                }
            }
            None => {}
        }
        self.seal_free(SealScope::WaitingFor {
            now: self.clock.elapsed(),
            at_least: self.settings.seal_after,
        })
        .await
    }
}
