//! The parts of a store. The files above this one define its operations; no file below names it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use atrail_archive::Blobs;
use atrail_archive::verified::Verified;
use atrail_catalog::Catalog;
use atrail_catalog::domains::DomainRow;
use atrail_disk::Reserve;
use atrail_model::{Clock, Domain};
use atrail_wal::Journal;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::apart::Apart;
use crate::buffers::Buffers;
use crate::closing::Closing;
use crate::compaction::unsound::Unsound;
use crate::counters::Counters;
use crate::dedup::Dedup;
use crate::download::activity::Activity;
use crate::download::plan::Plans;
use crate::duties::Duties;
use crate::erase::log_debt::LogErasure;
use crate::erase::owed::Owed;
use crate::indexing::Indexing;
use crate::parts::Lock;
use crate::seal_rate::SealRate;
use crate::search::{IndexCache, Starts};
use crate::secrets::Secrets;
use crate::session::makings::Makings;
use crate::settings::StoreSettings;
use crate::signing::Signing;
use crate::timekeeper::Timekeeper;

/// The store. A clone is cheap, and refers to the same store. Only one process at a time uses a data directory.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) core: Arc<Core>,
}

/// The parts of a store.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: StoreSettings,
    pub(crate) clock: Arc<dyn Clock>,
    /// Erasure follows this time, not the clock.
    pub(crate) time: Timekeeper,
    pub(crate) catalog: Catalog,
    pub(crate) signing: Signing,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) blobs: Arc<dyn Blobs>,
    /// The files of the search index.
    pub(crate) index: Arc<dyn Blobs>,
    pub(crate) journal: Arc<dyn Journal>,
    /// Hours that could not be sealed although others could.
    pub(crate) apart: Apart,
    pub(crate) dedup: Arc<Dedup>,
    /// Assigns sealing, deletion and compaction to one task at a time.
    pub(crate) duties: Arc<dyn Duties>,
    pub(crate) unsound: Unsound,
    /// The reason why sealing has stopped: it is unknown whether the last seal is committed.
    pub(crate) unknown_seal: Mutex<Option<String>>,
    pub(crate) known_domains: Mutex<Arc<HashMap<Domain, DomainRow>>>,
    pub(crate) verified: Verified,
    pub(crate) buffers: Buffers,
    pub(crate) plans: Plans,
    pub(crate) activity: Activity,
    /// Counts how often sessions that may still be serving bytes ended, or events were removed. It increases after the
    /// transaction that did so, before the requester is answered and before bytes are erased.
    pub(crate) removals: AtomicU64,
    pub(crate) seal_rate: SealRate,
    pub(crate) makings: Makings,
    pub(crate) closing: Closing,
    pub(crate) counters: Arc<Counters>,
    pub(crate) index_cache: IndexCache,
    pub(crate) starts: Starts,
    /// One for each thread that may work for searches at the same time.
    pub(crate) search_threads: Arc<Semaphore>,
    pub(crate) indexing: Indexing,
    pub(crate) reserve: Arc<Reserve>,
    pub(crate) log_erasure: LogErasure,
    /// Whether bytes are in the archive that are to be erased, and could not be.
    pub(crate) owes_objects: Owed,
    /// Whether own events wait in the catalog for space in the log.
    pub(crate) sets_aside: AtomicBool,
    pub(crate) background: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) lock: Lock,
}
