//! What the store does by itself, every second or less often. It ends with the store.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::core::{Core, Store};
use crate::error::{Result, chain, is_full};
use crate::journal::Ripe;
use crate::retention::Busy;
use crate::seal::scope::SealScope;
use crate::task::off_thread;

/// How often the background looks what is due.
const TICK: Duration = Duration::from_secs(1);
/// How often the catalog is told how sessions were used.
const TELL_EVERY_TICKS: u32 = 5;
/// How often ended sessions and logins are forgotten, and how much time passed is kept.
const FORGET_EVERY_TICKS: u32 = 60;
/// How often retention is acted on.
const SWEEP_EVERY_TICKS: u32 = 300;

/// Seals by size and age, tells the catalog how sessions were used, forgets ended ones. Ends with the store.
pub(crate) async fn background(core: Weak<Core>) {
    let mut ticks = 0_u32;
    loop {
        let Some(journal) = core.upgrade().map(|core| Arc::clone(&core.journal)) else {
            return;
        };
        // Whichever comes first; both mean the same: look.
        let _ = tokio::time::timeout(TICK, journal.wait_until_ripe()).await;
        drop(journal);
        let Some(core) = core.upgrade() else { return };
        ticks = ticks.wrapping_add(1);
        core.time.watch();
        if let Err(moved) = core.catalog.anchors().check() {
            core.journal.poison(moved.to_string());
        }
        let mut outcome = core.told(core.seal_due().await);
        if is_full(&outcome) {
            // Before the look for space, which gives the seal what is set aside.
            core.journal.note_full();
        }
        outcome = outcome.and(core.look_for_space().await);
        outcome = outcome.and(core.finish_erasure().await);
        let store = Store { core };
        outcome = outcome.and(store.take_in_waiting().await);
        let core = store.core;
        if ticks.is_multiple_of(TELL_EVERY_TICKS) {
            outcome = outcome.and(core.tell_activity().await);
        }
        if ticks.is_multiple_of(FORGET_EVERY_TICKS) {
            let kept = core.told(core.time.keep(&core.catalog).await);
            // What has no room is kept by a later minute; the log may have room all the same.
            if !is_full(&kept) {
                outcome = outcome.and(kept);
            }
            outcome = outcome.and(core.forget_ended_sessions().await);
            outcome = outcome.and(core.forget_ended_logins().await);
            outcome = outcome.and(core.forget_expired_invitations().await);
            outcome = outcome.and(core.delete_stray_texts().await);
            outcome = outcome.and(core.signing.sign_all(&core.catalog).await);
            outcome = outcome.and(core.erase_owed().await);
        }
        if ticks.is_multiple_of(SWEEP_EVERY_TICKS) {
            outcome = outcome.and(core.sweep(Busy::Leave).await.map(drop));
        }
        outcome = core.told(outcome);
        if is_full(&outcome) {
            core.journal.note_full();
        }
        if let Err(error) = outcome {
            tracing::error!(
                error = chain(&error),
                "background work failed; it is tried again"
            );
            tokio::time::sleep(TICK).await;
        }
    }
}

/// Keeps it cheap to know sealed events again. Ends with the store.
pub(crate) async fn tend_dedup(core: Weak<Core>) {
    loop {
        tokio::time::sleep(TICK).await;
        let Some(core) = core.upgrade() else { return };
        let work = off_thread(move || {
            let now = core.time.age();
            core.dedup.expire(now);
            // Merging takes space, and a disk that refuses the log is not to be asked for it.
            if core.journal.refusal().is_none() {
                core.dedup.merge(now);
            }
            Ok(())
        });
        if let Err(error) = work.await {
            tracing::error!(%error, "tending the runs of sealed events broke");
        }
    }
}

impl Core {
    /// Tells the catalog how sessions were used since it was told last.
    pub(crate) async fn tell_activity(&self) -> Result<()> {
        let news = self.activity.news();
        if news.is_empty() {
            return Ok(());
        }
        self.catalog.note_activity(&news).await?;
        self.activity.forget_told(&news);
        Ok(())
    }

    /// Forgets the sessions that have ended. Whether one was used lately is known in memory first: it is noted before.
    pub(crate) async fn forget_ended_sessions(&self) -> Result<()> {
        let news = self.activity.news();
        let ended = self.settings.sessions_ended_by(self.time.age());
        self.catalog.end_expired_sessions(&news, ended).await
    }

    /// Forgets the logins whose time has certainly come, and, while the clock is right, those that began when it was far ahead:
    /// they would last for as long as it was.
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
        let is_being_made = |generation: &_| self.makings.has(generation);
        self.catalog.delete_stray_texts(is_being_made).await
    }

    /// Deletes the invitations whose time has certainly come.
    pub(crate) async fn forget_expired_invitations(&self) -> Result<()> {
        let expired_by = self.time.read().certain();
        let identity = self.catalog.identity();
        identity.forget_invitations(expired_by).await
    }

    /// Seals what is due.
    async fn seal_due(self: &Arc<Self>) -> Result<()> {
        match self.journal.ripe() {
            Some(Ripe::Bytes) => return self.seal_free(SealScope::All).await,
            // Whoever has few hours keeps them together; when nobody has many, all of them are too many.
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
