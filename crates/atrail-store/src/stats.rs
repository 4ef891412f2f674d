//! Numbers about the store's work, for monitoring.

use atrail_archive::BucketRequests;
use atrail_disk::{Result, StoreError};
use atrail_model::HistogramSnapshot;
use atrail_wal::Unsealed;

use crate::Store;
use crate::dedup::DedupStats;
use crate::indexing::IndexProgress;
use crate::timekeeper::TimeStatus;

/// The state of the store, and its work since it was opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoreStats {
    /// The unsealed events.
    pub unsealed: Unsealed,
    /// Why the store refuses events now, if it does.
    pub write_refusal: Option<StoreError>,
    /// One duration for each write of the log with its fsync; requests that arrive meanwhile go with the next write.
    pub wal_syncs: HistogramSnapshot,
    /// Failed writes to the log, for lack of space or for good.
    pub wal_failures: u64,
    /// Frames written: one for each append.
    pub wal_frames: u64,
    /// Events made durable.
    pub wal_events: u64,
    /// Bytes of their lines, line feeds not counted.
    pub wal_event_bytes: u64,
    /// Repeated events that were not stored again.
    pub duplicates: u64,
    /// The resources for detecting repeated sealed events.
    pub dedup: DedupStats,
    /// One duration for each seal that succeeded and had something to do.
    pub seals: HistogramSnapshot,
    /// Seals that failed; their events wait for the next.
    pub seal_failures: u64,
    /// Objects that seals put into the archive.
    pub objects: u64,
    /// Bytes of those objects, compressed.
    pub object_bytes: u64,
    /// Objects that compaction made.
    pub compactions: u64,
    /// Their source objects.
    pub compacted_objects: u64,
    /// Bytes of the objects that compaction made.
    pub compacted_bytes: u64,
    /// Compactions that failed, and objects that they found damaged.
    pub compaction_failures: u64,
    /// Bytes of downloads that were served.
    pub download_bytes: u64,
    /// Bytes of objects that were checked against the catalog before they were served.
    pub checked_bytes: u64,
    /// Reads that ended at an object that is damaged or missing.
    pub damaged_reads: u64,
    /// Hours that cannot be sealed, and are set apart so that others can.
    pub hours_apart: u64,
    /// Events that were written to files of the search index; those of an open day again when it has closed.
    pub indexed_events: u64,
    /// Those files.
    pub index_files: u64,
    /// Their bytes.
    pub index_bytes: u64,
    /// Attempts to write such a file that failed, and files that were found damaged.
    pub index_failures: u64,
    /// What the search index lacks now.
    pub index: IndexProgress,
    /// The requests that were sent to the bucket, if there is one.
    pub bucket: Option<BucketRequests>,
    /// Failed attempts to enforce a domain's retention.
    pub sweep_failures: u64,
    /// Failed attempts to erase bytes; the store tries again.
    pub erase_failures: u64,
    /// The machine's clock compared with the passed time.
    pub time: TimeStatus,
}

impl Store {
    /// Returns the state of the store and its work; queries neither disk nor catalog.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let core = &self.core;
        let counters = &core.counters;
        let mut unsealed = core.journal.unsealed();
        core.apart.add_to(&mut unsealed);
        StoreStats {
            unsealed,
            write_refusal: self.write_refusal(),
            wal_syncs: counters.log.syncs.snapshot(),
            wal_failures: counters.log.failures.get(),
            wal_frames: counters.log.frames.get(),
            wal_events: counters.log.events.get(),
            wal_event_bytes: counters.log.event_bytes.get(),
            duplicates: counters.duplicates.get(),
            dedup: core.dedup.stats(),
            seals: counters.seals.snapshot(),
            seal_failures: counters.seal_failures.get(),
            objects: counters.objects.get(),
            object_bytes: counters.object_bytes.get(),
            compactions: counters.compactions.get(),
            compacted_objects: counters.compacted_objects.get(),
            compacted_bytes: counters.compacted_bytes.get(),
            compaction_failures: counters.compaction_failures.get(),
            download_bytes: counters.download_bytes.get(),
            checked_bytes: counters.checked_bytes.get(),
            damaged_reads: counters.damaged_reads.get(),
            hours_apart: core.apart.count(),
            indexed_events: counters.indexed_events.get(),
            index_files: counters.index_files.get(),
            index_bytes: counters.index_bytes.get(),
            index_failures: counters.index_failures.get(),
            index: core.indexing.progress(),
            bucket: core.blobs.requests(),
            sweep_failures: counters.sweep_failures.get(),
            erase_failures: counters.erase_failures.get(),
            time: core.time.status(),
        }
    }

    /// Returns how many sessions are open, of all users.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn open_sessions(&self) -> Result<u64> {
        let core = &self.core;
        let ended = core.settings.sessions_ended_by(core.time.age());
        core.catalog.count_sessions(ended).await
    }
}
