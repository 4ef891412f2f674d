//! A node's copy of the unsealed events of all nodes, which follows the shared log.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use atrail_disk::{Result, StoreError, chain};
use atrail_model::Domain;
use parking_lot::Mutex as SyncMutex;
use tokio::sync::{Mutex, RwLock};

use super::body;
use super::log::{Beyond, SealedElsewhere, SharedLog};
use crate::counters::LogCounters;
use crate::journal::memtable::Memtable;
use crate::journal::poison::Poison;

/// How often a node looks for batches of others that nobody asked for.
const FOLLOW_EVERY: Duration = Duration::from_millis(50);
/// After how many of those looks it looks for what others have sealed.
const LOOKS_A_SEAL: u32 = 5;

/// What the tasks of a journal share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) log: Arc<dyn SharedLog>,
    pub(super) memtable: Memtable,
    pub(super) counters: Arc<LogCounters>,
    pub(super) elsewhere: Arc<dyn SealedElsewhere>,
    pub(super) poison: Poison,
    pub(super) is_full: AtomicBool,
    pub(super) is_stopped: AtomicBool,
    /// Held for writing while sealed events leave the memtable.
    pub(super) leaving: Arc<RwLock<()>>,
    /// Held by whoever applies batches.
    applying: Mutex<()>,
    /// Everything up to this number is in the memtable, or was.
    applied: AtomicU64,
    /// Up to where signatures cover domains; the log does not know it yet.
    pub(super) signed_to: SyncMutex<HashMap<Domain, u64>>,
}

impl State {
    pub(super) fn new(
        log: Arc<dyn SharedLog>,
        memtable: Memtable,
        counters: Arc<LogCounters>,
        elsewhere: Arc<dyn SealedElsewhere>,
        applied: u64,
    ) -> Self {
        Self {
            log,
            memtable,
            counters,
            elsewhere,
            poison: Poison::default(),
            is_full: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
            leaving: Arc::default(),
            applying: Mutex::default(),
            applied: AtomicU64::new(applied),
            signed_to: SyncMutex::default(),
        }
    }

    pub(super) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Returns the reason why events are refused now, if they are.
    pub(super) fn refusal(&self) -> Option<StoreError> {
        let full = || {
            let no_space = std::io::Error::from(std::io::ErrorKind::StorageFull);
            let is_full = self.is_full.load(Ordering::Relaxed);
            is_full.then_some(StoreError::Full(no_space))
        };
        self.poison.check().err().or_else(full)
    }

    /// When it returns, everything up to a number is applied.
    pub(super) async fn apply_to(&self, to: u64) -> Result<()> {
        while self.applied() < to {
            let _turn = self.applying.lock().await;
            if self.applied() < to {
                let beyond = self.log.read(self.applied()).await?;
                self.apply(beyond).await?;
            }
        }
        Ok(())
    }

    /// When it returns, everything that was in the log before is applied.
    pub(super) async fn catch_up(&self) -> Result<()> {
        let before = self.applied();
        let last = self.log.last().await?;
        if last < before {
            // What this node has in memory is not what is stored.
            let why =
                "the log that the servers share is shorter than it was: start all nodes again";
            self.poison.set(why.to_owned());
            return self.poison.check();
        }
        self.apply_to(last).await
    }

    /// As [`Self::apply_to`] for a batch whose frames the caller has, if nothing comes between.
    pub(super) async fn apply_own(
        &self,
        last: u64,
        mut frames: Vec<crate::log::Frame>,
    ) -> Result<()> {
        {
            let _turn = self.applying.lock().await;
            let first = last + 1 - frames.len() as u64;
            if self.applied() + 1 == first {
                for frame in &mut frames {
                    frame.sequence += first;
                }
                self.memtable.insert(frames);
                self.applied.store(last, Ordering::Release);
            }
        }
        self.apply_to(last).await
    }

    /// Applies batches that the caller has read under the log's lock, unless some before them are gone.
    pub(super) async fn apply_read(&self, above: u64, beyond: Beyond) -> Result<()> {
        let _turn = self.applying.lock().await;
        if self.applied() == above && !beyond.has_gaps(above) {
            self.apply(beyond).await?;
        }
        Ok(())
    }

    /// Applies what follows the last applied batch. The caller has the turn.
    async fn apply(&self, beyond: Beyond) -> Result<()> {
        let above = self.applied();
        if beyond.has_gaps(above) {
            // What is gone is sealed: nothing later may be taken in before its events are known.
            let sealed_to = self.log.sealed_above(above).await?;
            self.let_go(sealed_to).await?;
        }
        let mut frames = Vec::new();
        for batch in &beyond.batches {
            frames.extend(body::decode(batch.first(), &batch.body)?);
        }
        if !frames.is_empty() {
            self.memtable.insert(frames);
        }
        self.applied.store(beyond.to.max(above), Ordering::Release);
        Ok(())
    }

    /// Lets go of what others have sealed.
    async fn let_go(&self, sealed_to: HashMap<Domain, u64>) -> Result<()> {
        if sealed_to.is_empty() {
            return Ok(());
        }
        self.elsewhere.learn(&sealed_to).await?;
        let _nobody_counts = self.leaving.write().await;
        self.memtable.forget_to(&sealed_to);
        Ok(())
    }

    /// Lets go of what others have sealed of the unsealed events here.
    pub(super) async fn look_for_seals(&self) -> Result<()> {
        let here: HashSet<_> = self.memtable.unsealed_domains();
        self.look_for_seals_of(&here).await
    }

    /// Lets go of what others have sealed of these domains.
    pub(super) async fn look_for_seals_of(&self, domains: &HashSet<Domain>) -> Result<()> {
        if domains.is_empty() {
            return Ok(());
        }
        let mut sealed_to = self.log.sealed_to(domains).await?;
        sealed_to.retain(|domain, to| self.memtable.forgets_to(*domain, *to));
        self.let_go(sealed_to).await
    }

    /// Follows the log as long as the journal lives.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut looks: u32 = 0;
        let mut is_away = false;
        loop {
            tokio::time::sleep(FOLLOW_EVERY).await;
            looks = looks.wrapping_add(1);
            let mut looked = self.catch_up().await;
            if looks.is_multiple_of(LOOKS_A_SEAL) {
                looked = looked.and(self.look_for_seals().await);
            }
            if let Err(error) = &looked
                && !is_away
            {
                tracing::warn!(
                    error = chain(error),
                    "the log that the servers share cannot be read"
                );
            }
            is_away = looked.is_err();
        }
    }
}
