//! The store as a whole: opening with recovery, background work, closing.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use atrail_model::{Clock, Domain, Timestamp};
use parking_lot::Mutex;
use sqlx::SqliteConnection;
use tokio::task::JoinHandle;

use crate::blobs::Blobs;
use crate::buffers::Buffers;
use crate::catalog::archive::DomainRow;
use crate::catalog::{Catalog, Tenancy};
use crate::closing::Closing;
use crate::compaction::{self, Unsound};
use crate::counters::Counters;
use crate::dedup::Dedup;
use crate::download::activity::Activity;
use crate::download::plan::Plans;
use crate::durable::DirLock;
use crate::error::{Result, StoreError, chain, is_full};
use crate::ingest::writer::{Rotation, WriterHandle};
use crate::memtable::{Memtable, Ripe};
use crate::reserve::Reserve;
use crate::seal::scope::SealScope;
use crate::seal_rate::SealRate;
use crate::settings::StoreSettings;
use crate::signing::Signing;
use crate::space;
use crate::startup;
use crate::task::off_thread;
use crate::timekeeper::Timekeeper;
use crate::verified::Verified;
use crate::wal::{Frame, NewLog, Replay};

/// The store: cheap to clone, every clone is the same store. One process has a data directory at a time.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) core: Arc<Core>,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: StoreSettings,
    pub(crate) clock: Arc<dyn Clock>,
    /// What erases goes by it, not by the clock.
    pub(crate) time: Timekeeper,
    pub(crate) catalog: Catalog,
    pub(crate) signing: Signing,
    pub(crate) blobs: Blobs,
    pub(crate) memtable: Arc<Memtable>,
    pub(crate) dedup: Dedup,
    pub(crate) wal: WriterHandle,
    /// Held while sealing or deleting: one at a time.
    pub(crate) sealing: tokio::sync::Mutex<()>,
    /// Held while compacting or deleting, and taken before `sealing`.
    pub(crate) compacting: tokio::sync::Mutex<()>,
    pub(crate) unsound: Unsound,
    /// Held for writing while sealed events move from the memtable's count to the catalog's, or go.
    pub(crate) published: tokio::sync::RwLock<()>,
    /// Why nothing more is sealed: it is unknown whether the last seal is committed.
    pub(crate) unknown_seal: Mutex<Option<String>>,
    pub(crate) known_domains: Mutex<Arc<HashMap<Domain, DomainRow>>>,
    pub(crate) verified: Verified,
    pub(crate) buffers: Buffers,
    pub(crate) plans: Plans,
    pub(crate) activity: Activity,
    /// How often sessions that may be handing out bytes ended, or events were taken away: it counts up after the transaction that
    /// did so, before who asked for it is told and before bytes are erased.
    pub(crate) removals: AtomicU64,
    pub(crate) seal_rate: SealRate,
    pub(crate) closing: Closing,
    pub(crate) counters: Arc<Counters>,
    pub(crate) reserve: Arc<Reserve>,
    /// Whether the log may still have bytes of a deletion that has not ended.
    pub(crate) owes_erasure: AtomicBool,
    /// Whether bytes are in the archive that are to be erased, and could not be.
    pub(crate) owes_objects: AtomicBool,
    /// Whether own events wait in the catalog for space in the log.
    pub(crate) sets_aside: AtomicBool,
    background: Mutex<Vec<JoinHandle<()>>>,
    _lock: DirLock,
}

/// How often the background looks what is due.
const TICK: Duration = Duration::from_secs(1);
/// How often the catalog is told how sessions were used.
const TELL_EVERY_TICKS: u32 = 5;
/// How often ended sessions and logins are forgotten, and how much time passed is kept.
const FORGET_EVERY_TICKS: u32 = 60;
/// How often retention is acted on.
const SWEEP_EVERY_TICKS: u32 = 300;

impl Store {
    /// Opens the store in its directory, recovering what an earlier process left there.
    ///
    /// # Errors
    /// When another process has the directory, the disk refuses, the catalog is of a later version, or the log is
    /// damaged below its durable watermark: then nothing was changed, and the error names the file and says how to go on.
    pub async fn open(settings: StoreSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let dir = &settings.data_dir;
        let lock = startup::lock_dir(dir)?;
        startup::refuse_without_catalog(dir)?;
        let reserve = startup::set_aside(&settings).await?;
        let signing = Signing::open(dir, settings.server_name.as_deref())?;
        let blobs = Blobs::local(&dir.join("archive"))?;
        let (catalog, time, replay) =
            startup::open_catalog(dir, &signing, &clock, &reserve).await?;
        startup::hold_in_place(dir, &catalog)?;
        let dedup = Dedup::open(
            &dir.join("dedup"),
            settings.dedup_window,
            settings.dedup_memory_bytes,
        )?;
        let memtable = Arc::new(Memtable::new(Arc::clone(&clock), settings.seal_at_bytes));
        let counters = Arc::new(Counters::default());
        let wal = recover(&settings, replay, &catalog, &memtable, &counters, &reserve).await?;
        let known_domains = catalog.domain_rows().await?;
        memtable.set_owners(known_domains.values().map(|row| (row.domain, row.account)));
        let core = Arc::new(Core {
            clock,
            time,
            catalog,
            signing,
            blobs,
            memtable,
            dedup,
            wal,
            sealing: tokio::sync::Mutex::default(),
            compacting: tokio::sync::Mutex::default(),
            unsound: Unsound::default(),
            published: tokio::sync::RwLock::default(),
            unknown_seal: Mutex::default(),
            known_domains: Mutex::new(Arc::new(known_domains)),
            verified: Verified::default(),
            buffers: Buffers::default(),
            plans: Plans::default(),
            activity: Activity::default(),
            removals: AtomicU64::default(),
            seal_rate: SealRate::default(),
            closing: Closing::default(),
            counters,
            reserve,
            owes_erasure: AtomicBool::default(),
            owes_objects: AtomicBool::default(),
            sets_aside: AtomicBool::default(),
            background: Mutex::default(),
            _lock: lock,
            settings,
        });
        for (place, line) in core.catalog.set_apart().await? {
            core.memtable
                .apart()
                .add(place, &[line], "it was not tried since the start");
        }
        core.look_for_waiting().await?;
        core.end_erasures().await?;
        *core.background.lock() = vec![
            tokio::spawn(background(Arc::downgrade(&core))),
            tokio::spawn(tend_dedup(Arc::downgrade(&core))),
            tokio::spawn(compaction::background(Arc::downgrade(&core))),
        ];
        Ok(Self { core })
    }

    /// Ends cleanly: what is acknowledged stays in the log or the archive, what is under way is finished. The store
    /// refuses everything after.
    ///
    /// # Errors
    /// When the catalog fails; nothing acknowledged is lost by it.
    pub async fn close(&self) -> Result<()> {
        let core = &self.core;
        let workers = std::mem::take(&mut *core.background.lock());
        for worker in workers {
            worker.abort();
            // Aborted is what it was told to be.
            let _ = worker.await;
        }
        let _no_compaction_under_way = core.compacting.lock().await;
        let _no_seal_under_way = core.sealing.lock().await;
        let told = core.tell_activity().await;
        let kept = core.time.keep(&core.catalog).await;
        let stopped = core.wal.stop().await;
        core.catalog.close().await;
        told.and(kept).and(stopped)
    }

    /// Accounts, organizations and spaces.
    #[must_use]
    pub fn tenancy(&self) -> Tenancy {
        Tenancy::new(self.core.catalog.clone())
    }

    /// The catalog.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.core.catalog
    }
}

impl Core {
    /// Erases what an earlier process left unfinished. What a deletion recorded is signed before its bytes go: when that
    /// cannot be, they wait for the background.
    async fn end_erasures(&self) -> Result<()> {
        let signed = self
            .with_reserve(|| self.signing.sign_each(&self.catalog))
            .await;
        if is_full(&signed) {
            tracing::warn!("the disk is full: what is to be erased stays until there is space");
            self.owes_objects.store(true, Ordering::Relaxed);
            return Ok(());
        }
        signed?;
        self.erase_waste().await
    }

    async fn tell_activity(&self) -> Result<()> {
        let news = self.activity.news();
        if news.is_empty() {
            return Ok(());
        }
        let mut tx = self.catalog.begin("note the use of sessions").await?;
        self.catalog.note_activity(&mut tx, &news).await?;
        self.catalog.commit(tx, "note the use of sessions").await?;
        self.activity.forget_told(&news);
        Ok(())
    }

    /// Forgets the sessions that have ended, at this moment on the clock of ages. Whether one was used lately is known in memory first: it is noted before.
    pub(crate) async fn end_expired_sessions(
        &self,
        connection: &mut SqliteConnection,
        age: Timestamp,
    ) -> Result<()> {
        let news = self.activity.news();
        self.catalog.note_activity(connection, &news).await?;
        self.catalog
            .delete_expired_sessions(connection, self.settings.sessions_ended_by(age))
            .await
    }

    pub(crate) async fn forget_ended_sessions(&self) -> Result<()> {
        let mut tx = self.catalog.begin("end sessions").await?;
        self.end_expired_sessions(&mut tx, self.time.age()).await?;
        self.catalog.forget_moved(&mut tx).await?;
        self.catalog.commit(tx, "end sessions").await
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

    /// While the disk is full, who sends is refused at once; this finds out when there is space again. First what is set
    /// aside comes back, then the log goes on: so it cannot take what deletions need.
    async fn look_for_space(&self) -> Result<()> {
        let is_full = self.wal.is_full();
        let reserve = Arc::clone(&self.reserve);
        let more_bytes = self.settings.wal_file_bytes;
        let is_restored = off_thread(move || {
            let is_given_away = is_full && reserve.release();
            Ok(!is_given_away && reserve.restore(more_bytes))
        })
        .await?;
        if is_restored && is_full {
            return self.trim(Rotation::Whole).await;
        }
        Ok(())
    }

    /// Does what writes to the catalog; on a full disk with the space that is set aside.
    pub(crate) async fn with_reserve<T, F: Future<Output = Result<T>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<T> {
        let releases = self.reserve.releases();
        let done = self.told(work().await);
        if !is_full(&done) {
            return done;
        }
        let reserve = Arc::clone(&self.reserve);
        let is_released = off_thread(move || Ok(reserve.release_since(releases))).await?;
        if is_released {
            self.told(work().await)
        } else {
            done
        }
    }

    /// Finds out whether it was for want of space that the catalog was not written.
    fn told<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|error| space::told(error, &self.settings.data_dir))
    }

    /// Seals what is due.
    async fn seal_due(self: &Arc<Self>) -> Result<()> {
        match self.memtable.ripe() {
            Some(Ripe::Bytes) => return self.seal(SealScope::All).await,
            // Whoever has few hours keeps them together; when nobody has many, all of them are too many.
            Some(Ripe::Hours) => {
                self.seal(SealScope::ManyHours).await?;
                if self.memtable.is_ripe() {
                    return self.seal(SealScope::All).await;
                }
            }
            None => {}
        }
        self.seal(SealScope::WaitingFor {
            now: self.clock.elapsed(),
            at_least: self.settings.seal_after,
        })
        .await
    }
}

/// Brings the log's unsealed events back into memory, and begins a new log with them.
async fn recover(
    settings: &StoreSettings,
    mut replay: Replay,
    catalog: &Catalog,
    memtable: &Arc<Memtable>,
    counters: &Arc<Counters>,
    reserve: &Arc<Reserve>,
) -> Result<WriterHandle> {
    let dir = settings.data_dir.join("wal");
    let sealed_to = catalog.sealed_to().await?;
    let highest_sealed = sealed_to.values().copied().max().unwrap_or(0);
    let highest = replay
        .frames
        .last()
        .map_or(0, |frame| frame.sequence)
        .max(highest_sealed);
    let found = replay.frames.len();
    let unsealed = std::mem::take(&mut replay.frames)
        .into_iter()
        .filter(|frame| {
            sealed_to
                .get(&frame.domain)
                .is_none_or(|sealed| frame.sequence > *sealed)
        });
    let frames: Vec<Frame> = (highest + 1..)
        .zip(unsealed)
        .map(|(sequence, frame)| Frame { sequence, ..frame })
        .collect();
    if found > 0 {
        tracing::info!(frames = found, unsealed = frames.len(), "read the log");
    }
    let (file_size_bytes, reserve) = (settings.wal_file_bytes, Arc::clone(reserve));
    let (wal, frames, is_cramped) = off_thread(move || {
        let new = NewLog {
            file_size_bytes,
            ..NewLog::of(&frames, highest + 1)
        };
        let (wal, is_cramped) = startup::begin_log(&dir, &replay, new, &reserve)?;
        Ok((wal, frames, is_cramped))
    })
    .await?;
    let next_sequence = highest + 1 + frames.len() as u64;
    memtable.insert(frames);
    let writer = WriterHandle::start(
        Box::new(wal),
        Arc::clone(memtable),
        Arc::clone(counters),
        next_sequence,
    )
    .map_err(|source| StoreError::Directory {
        what: "cannot start the log writer".to_owned(),
        source,
    })?;
    if is_cramped {
        writer.note_full();
    }
    Ok(writer)
}

/// Seals by size and age, tells the catalog how sessions were used, forgets ended ones. Ends with the store.
async fn background(core: std::sync::Weak<Core>) {
    let mut ticks = 0_u32;
    loop {
        let Some(memtable) = core.upgrade().map(|core| Arc::clone(&core.memtable)) else {
            return;
        };
        // Whichever comes first; both mean the same: look.
        let _ = tokio::time::timeout(TICK, memtable.wait_until_ripe()).await;
        drop(memtable);
        let Some(core) = core.upgrade() else { return };
        ticks = ticks.wrapping_add(1);
        core.time.watch();
        if let Err(moved) = core.catalog.anchors().check() {
            core.wal.poison(moved.to_string());
        }
        let mut outcome = core.told(core.seal_due().await);
        if is_full(&outcome) {
            // Before the look for space, which gives the seal what is set aside.
            core.wal.note_full();
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
            outcome = outcome.and(core.signing.sign_all(&core.catalog).await);
            outcome = outcome.and(core.erase_owed().await);
        }
        if ticks.is_multiple_of(SWEEP_EVERY_TICKS) {
            outcome = outcome.and(core.sweep().await.map(drop));
        }
        outcome = core.told(outcome);
        if is_full(&outcome) {
            core.wal.note_full();
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
async fn tend_dedup(core: std::sync::Weak<Core>) {
    loop {
        tokio::time::sleep(TICK).await;
        let Some(core) = core.upgrade() else { return };
        let work = off_thread(move || {
            let now = core.time.age();
            core.dedup.expire(now);
            // Merging takes space, and a disk that refuses the log is not to be asked for it.
            if core.wal.refusal().is_none() {
                core.dedup.merge(now);
            }
            Ok(())
        });
        if let Err(error) = work.await {
            tracing::error!(%error, "tending the runs of sealed events broke");
        }
    }
}
