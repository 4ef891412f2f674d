//! The store as a whole: opening with recovery, and closing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use atrail_archive::verified::Verified;
use atrail_catalog::{Identity, Tenancy};
use atrail_disk::Result;
#[cfg(feature = "cluster")]
use atrail_disk::{StoreError, chain};
use atrail_model::Clock;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::apart::Apart;
use crate::background;
use crate::buffers::Buffers;
use crate::closing::Closing;
use crate::compaction;
use crate::compaction::unsound::Unsound;
use crate::core::{Core, Store};
use crate::counters::Counters;
use crate::dedup::Dedup;
use crate::domains::owners;
use crate::download::activity::Activity;
use crate::download::plan::Plans;
use crate::erase::log_debt::LogErasure;
use crate::erase::owed::Owed;
use crate::indexing::{self, Indexing};
use crate::parts::{Opened, Parts};
use crate::seal_rate::SealRate;
use crate::search::{IndexCache, Starts};
use crate::secrets::Secrets;
use crate::session::makings::Makings;
use crate::settings::StoreSettings;
use crate::signing::Signing;

impl Store {
    /// Opens the store that the settings name: [`Parts::open`], then [`Self::open`].
    ///
    /// # Errors
    /// As those two.
    pub async fn open_dir(settings: StoreSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let parts = Parts::open(&settings).await?;
        Self::open(parts, settings, clock).await
    }

    /// Assembles a store from its parts, and recovers the data that an earlier process left in them.
    ///
    /// # Errors
    /// When a part fails, the catalog is of a later version, or the log is damaged below its durable watermark. Then
    /// nothing was changed, and the error names the file and states how to continue.
    pub async fn open(
        parts: Parts,
        settings: StoreSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let this = Self::assemble(parts, settings, clock).await?;
        let core = &this.core;
        core.find_index().await;
        if core.catalog.is_shared() {
            // What other nodes are writing is noted as waste, too: it is erased by claims.
            core.owes_objects.owe();
        } else {
            core.end_erasures().await?;
        }
        if !core.catalog.being_removed().await?.is_empty() {
            // The catalog could not remove it when it was opened: the background tries again.
            core.owes_objects.owe();
        }
        #[cfg(feature = "cluster")]
        let noticed = crate::removals::watch::begin(core).await?;
        *core.background.lock() = vec![
            tokio::spawn(background::background(Arc::downgrade(core))),
            tokio::spawn(background::enforce_retention(Arc::downgrade(core))),
            tokio::spawn(background::tend_log(Arc::downgrade(core))),
            tokio::spawn(background::tend_dedup(Arc::downgrade(core))),
            tokio::spawn(compaction::background(Arc::downgrade(core))),
            tokio::spawn(indexing::background(Arc::downgrade(core))),
            #[cfg(feature = "cluster")]
            tokio::spawn(crate::removals::watch::run(Arc::downgrade(core), noticed)),
        ];
        core.lock.has_started().await;
        Ok(this)
    }

    /// As [`Self::open`], for a store that does only what it is asked to: nothing is done in the background, and no other
    /// node starts.
    pub(crate) async fn assemble(
        parts: Parts,
        settings: StoreSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let Parts {
            secrets,
            checkpoints,
            blobs,
            index,
            runs,
            reserve,
            rest,
        } = parts;
        let server_name = settings.server_name.as_deref();
        let signing = Signing::open(Arc::clone(&secrets), checkpoints, server_name)?;
        let counters = Arc::new(Counters::default());
        let dedup = Dedup::open(runs, settings.dedup_window, settings.dedup_memory_bytes)?;
        let dedup = Arc::new(dedup);
        let own = (&dedup, &counters);
        let opened = rest.open(&settings, &clock, &signing, &reserve, &blobs, own);
        let Opened {
            catalog,
            time,
            journal,
            duties,
            lock,
        } = opened.await?;
        let known_domains = catalog.domain_rows().await?;
        journal.set_owners(&owners(&known_domains));
        let core = Arc::new(Core {
            clock,
            time,
            catalog,
            signing,
            secrets,
            blobs,
            index,
            journal,
            apart: Apart::default(),
            dedup,
            duties,
            unsound: Unsound::default(),
            unknown_seal: Mutex::default(),
            known_domains: Mutex::new(Arc::new(known_domains)),
            verified: Verified::default(),
            buffers: Buffers::default(),
            plans: Plans::default(),
            activity: Activity::default(),
            removals: AtomicU64::default(),
            seal_rate: SealRate::default(),
            makings: Makings::default(),
            closing: Closing::default(),
            counters,
            index_cache: IndexCache::new(settings.search.memory_bytes),
            starts: Starts::default(),
            search_threads: Arc::new(Semaphore::new(settings.search.threads.max(1))),
            indexing: Indexing::default(),
            reserve,
            log_erasure: LogErasure::default(),
            owes_objects: Owed::default(),
            sets_aside: AtomicBool::default(),
            background: Mutex::default(),
            lock,
            settings,
        });
        for (place, line) in core.catalog.set_apart().await? {
            let why = "it was not tried since the start";
            core.apart.add(place, &[line], why);
        }
        core.look_for_waiting().await?;
        Ok(Self { core })
    }

    /// Closes the store cleanly: acknowledged events stay in the log or the archive, and operations in progress are
    /// finished. Afterwards the store refuses every call.
    ///
    /// # Errors
    /// When the catalog fails; no acknowledged event is lost.
    pub async fn close(&self) -> Result<()> {
        let core = &self.core;
        let workers = std::mem::take(&mut *core.background.lock());
        for worker in workers {
            worker.abort();
            // The worker ends as aborted, which is expected.
            let _ = worker.await;
        }
        core.duties.rest().await;
        // Its files are not to change under whoever opens the directory next.
        let _nobody_erases = core.log_erasure.turn().await;
        let told = core.tell_activity().await;
        let kept = core.time.keep(&core.catalog).await;
        let stopped = core.journal.stop().await;
        core.catalog.close().await;
        told.and(kept).and(stopped)
    }

    /// Reports whether other nodes share the catalog and the log.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.core.catalog.is_shared()
    }

    /// Waits until a node of several has to be opened again, and returns why: another one has taken it for dead, or it writes
    /// no more because it does not know what became of something. A store that is alone waits for ever: it serves reads.
    pub async fn ended(&self) -> String {
        #[cfg(feature = "cluster")]
        if let Some(node) = self.core.catalog.membership() {
            loop {
                tokio::select! {
                    () = node.over() => return "another node has taken this one for dead".to_owned(),
                    () = tokio::time::sleep(self.core.settings.tick) => {}
                }
                if let Some(poisoned @ StoreError::Poisoned(_)) = self.core.journal.refusal() {
                    return chain(&poisoned);
                }
                if let Some(why) = self.core.unknown_seal.lock().clone() {
                    return why;
                }
            }
        }
        std::future::pending().await
    }

    /// Returns the store of the server's keys.
    #[must_use]
    pub fn secrets(&self) -> Arc<dyn Secrets> {
        Arc::clone(&self.core.secrets)
    }

    /// Returns accounts, organizations and spaces.
    #[must_use]
    pub fn tenancy(&self) -> Tenancy {
        Tenancy::new(self.core.catalog.clone())
    }

    /// Returns users and what they log in with.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.core.catalog.identity()
    }
}
