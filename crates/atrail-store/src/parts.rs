//! The parts of a store: one implementation of each seam.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use atrail_archive::{Blobs, MemoryBlobs};
use atrail_catalog::Catalog;
use atrail_catalog::memory::MemoryCatalog;
use atrail_disk::data_dir;
use atrail_disk::moving::refuse_moved;
use atrail_disk::{DirLock, Reserve, Result, StoreError};
use atrail_model::Clock;
use atrail_wal::{Journal, LocalJournal, LogNumber, MemoryJournal, MemoryLog, NewJournal};

use crate::archive_place::Places;
use crate::counters::Counters;
use crate::dedup::Dedup;
use crate::dedup::runs::Runs;
use crate::dedup::runs::local::LocalRuns;
use crate::dedup::runs::memory::MemoryRuns;
use crate::duties::{Duties, LocalDuties};
use crate::secrets::{LocalSecrets, MemorySecrets, Secrets};
use crate::settings::StoreSettings;
use crate::signing::Signing;
use crate::signing::checkpoints::Checkpoints;
use crate::signing::checkpoints::local::LocalCheckpoints;
use crate::signing::checkpoints::memory::MemoryCheckpoints;
#[cfg(feature = "cluster")]
use crate::start_turn::{Node, Starting};
use crate::startup;
use crate::timekeeper::Timekeeper;

/// The parts of a store. Only one store at a time uses the same parts.
#[derive(Debug)]
pub struct Parts {
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) checkpoints: Arc<dyn Checkpoints>,
    pub(crate) blobs: Arc<dyn Blobs>,
    /// The files of the search index.
    pub(crate) index: Arc<dyn Blobs>,
    pub(crate) runs: Arc<dyn Runs>,
    pub(crate) reserve: Arc<Reserve>,
    pub(crate) rest: Rest,
}

/// The catalog and the journal. They open in this order, and need the other parts to open.
#[derive(Debug)]
pub(crate) enum Rest {
    Directory {
        dir: PathBuf,
        lock: DirLock,
    },
    Memory {
        parts: MemoryParts,
        lock: MemoryLock,
    },
    #[cfg(feature = "cluster")]
    Shared(Box<Starting>),
}

/// Prevents other stores from using the parts as long as the value lives.
#[derive(Debug)]
pub(crate) enum Lock {
    Directory(#[expect(dead_code, reason = "it is there to be dropped")] DirLock),
    Memory(#[expect(dead_code, reason = "it is there to be dropped")] MemoryLock),
    #[cfg(feature = "cluster")]
    Node(Node),
}

impl Lock {
    /// Tells others that the store is open.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(clippy::unused_async, reason = "nodes wait for the catalog")
    )]
    pub(crate) async fn has_started(&self) {
        match self {
            Self::Directory(_) | Self::Memory(_) => {}
            #[cfg(feature = "cluster")]
            Self::Node(node) => node.has_started().await,
        }
    }
}

/// The parts that only a store that opens needs.
pub(crate) struct Opened {
    pub(crate) catalog: Catalog,
    pub(crate) time: Timekeeper,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) duties: Arc<dyn Duties>,
    pub(crate) lock: Lock,
}

impl Parts {
    /// Opens the parts that the settings name: those of a data directory, or those that nodes share.
    ///
    /// # Errors
    /// As [`Self::local`]; when the catalog or the bucket that nodes share refuses this one, or does not answer.
    pub async fn open(settings: &StoreSettings) -> Result<Self> {
        match &settings.cluster {
            None => Self::local(settings).await,
            #[cfg(feature = "cluster")]
            Some(cluster) => Self::shared(settings, cluster).await,
            #[cfg(not(feature = "cluster"))]
            Some(_) => Err(StoreError::Conflict(
                "this program was built without the feature cluster: it shares no catalog"
                    .to_owned(),
            )),
        }
    }

    /// Locks the data directory of these settings for this process, and creates it when it is missing.
    ///
    /// # Errors
    /// When another process uses the directory, the disk fails, or the directory holds events and no catalog.
    pub async fn local(settings: &StoreSettings) -> Result<Self> {
        let dir = &settings.data_dir;
        let lock = startup::lock_dir(dir)?;
        refuse_moved(dir)?;
        startup::refuse_without_catalog(dir, settings.catalog.is_some())?;
        let reserve = startup::set_aside(settings).await?;
        let Places { blobs, index } = Places::open(settings, &reserve).await?;
        Ok(Self {
            reserve,
            secrets: Arc::new(LocalSecrets::new(&dir.join(data_dir::KEYS))),
            checkpoints: Arc::new(LocalCheckpoints::open(dir)?),
            blobs,
            index,
            runs: Arc::new(LocalRuns::open(&dir.join(data_dir::RUNS))?),
            rest: Rest::Directory {
                dir: dir.clone(),
                lock,
            },
        })
    }
}

impl Rest {
    #[cfg_attr(
        not(feature = "cluster"),
        expect(unused_variables, reason = "only nodes learn the runs of others")
    )]
    /// Opens the catalog and the journal, with the data that an earlier process left in them.
    pub(crate) async fn open(
        self,
        settings: &StoreSettings,
        clock: &Arc<dyn Clock>,
        signing: &Signing,
        reserve: &Arc<Reserve>,
        blobs: &Arc<dyn Blobs>,
        (dedup, counters): (&Arc<Dedup>, &Arc<Counters>),
    ) -> Result<Opened> {
        match self {
            #[cfg(feature = "cluster")]
            Self::Shared(node) => node.open(settings, clock, signing, dedup, counters).await,
            Self::Directory { dir, lock } => {
                let (catalog, time, replay) =
                    startup::open_catalog(&dir, settings, signing, clock, (reserve, &**blobs))
                        .await?;
                startup::hold_in_place(&dir, &catalog, settings)?;
                let new = NewJournal {
                    dir: dir.join(data_dir::LOG),
                    file_size_bytes: settings.wal_file_bytes,
                    seal_at_bytes: settings.seal_at_bytes,
                    recent_bytes: settings.recent_bytes,
                    clock: Arc::clone(clock),
                    counters: Arc::clone(&counters.log),
                };
                let sealed_to = catalog.sealed_to(LogNumber::OF_DIRECTORY).await?;
                let journal = LocalJournal::recover(new, replay, &sealed_to, reserve).await?;
                Ok(Opened {
                    catalog,
                    time,
                    journal: Arc::new(journal),
                    duties: Arc::new(LocalDuties::default()),
                    lock: Lock::Directory(lock),
                })
            }
            Self::Memory { parts, lock } => {
                let verifier_key = signing.verifier_key().await.to_string();
                let catalog = parts.catalog.open(verifier_key).await?;
                let time = Timekeeper::open(&catalog, Arc::clone(clock)).await?;
                signing.finish_rotation(&catalog).await?;
                signing
                    .go_on(&catalog, &Default::default(), clock.now())
                    .await?;
                let journal = MemoryJournal::open(
                    parts.log,
                    &catalog.sealed_to(LogNumber::OF_DIRECTORY).await?,
                    Arc::clone(clock),
                    settings.seal_at_bytes,
                    settings.recent_bytes,
                );
                Ok(Opened {
                    catalog,
                    time,
                    journal: Arc::new(journal),
                    duties: Arc::new(LocalDuties::default()),
                    lock: Lock::Memory(lock),
                })
            }
        }
    }
}

/// Parts in memory. A store made of them leaves nothing on a disk, and a later store made of the same parts finds what
/// a crash would have left. Clones share everything.
///
/// They are for tests and experiments: nothing survives the process.
#[derive(Debug, Clone)]
pub struct MemoryParts {
    catalog: MemoryCatalog,
    log: MemoryLog,
    blobs: MemoryBlobs,
    index: MemoryBlobs,
    runs: MemoryRuns,
    checkpoints: MemoryCheckpoints,
    secrets: MemorySecrets,
    is_used: Arc<AtomicBool>,
}

/// The sole right to use parts in memory.
#[derive(Debug)]
pub(crate) struct MemoryLock(Arc<AtomicBool>);

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl MemoryParts {
    /// Returns empty parts.
    ///
    /// # Errors
    /// When the system has no memory for a catalog.
    pub async fn new() -> Result<Self> {
        Ok(Self {
            catalog: MemoryCatalog::new().await?,
            log: MemoryLog::default(),
            blobs: MemoryBlobs::default(),
            index: MemoryBlobs::default(),
            runs: MemoryRuns::default(),
            checkpoints: MemoryCheckpoints::default(),
            secrets: MemorySecrets::default(),
            is_used: Arc::default(),
        })
    }

    /// Returns new parts with a copy of the present contents. No store may be using the originals.
    ///
    /// # Errors
    /// When the catalog cannot be copied.
    pub fn copied(&self) -> Result<Self> {
        Ok(Self {
            catalog: self.catalog.copied()?,
            log: self.log.copied(),
            blobs: self.blobs.copied(),
            index: self.index.copied(),
            runs: self.runs.copied(),
            checkpoints: self.checkpoints.copied(),
            secrets: self.secrets.copied(),
            is_used: Arc::default(),
        })
    }

    /// Reserves the parts for one store.
    ///
    /// # Errors
    /// `Conflict` as long as another store uses them.
    pub fn parts(&self) -> Result<Parts> {
        if self.is_used.swap(true, Ordering::Acquire) {
            return Err(StoreError::Conflict(
                "another store uses these parts in memory: drop it first".to_owned(),
            ));
        }
        let lock = MemoryLock(Arc::clone(&self.is_used));
        Ok(Parts {
            secrets: Arc::new(self.secrets.clone()),
            checkpoints: Arc::new(self.checkpoints.clone()),
            blobs: Arc::new(self.blobs.clone()),
            index: Arc::new(self.index.clone()),
            runs: Arc::new(self.runs.clone()),
            reserve: Arc::new(Reserve::none()),
            rest: Rest::Memory {
                parts: self.clone(),
                lock,
            },
        })
    }
}
