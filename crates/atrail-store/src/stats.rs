//! Numbers about the store's work, for whoever watches over it.
//!
//! Counting costs an atomic addition or two. Counters begin at zero with the process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use atrail_model::Elapsed;

use crate::Store;
use crate::dedup::DedupStats;
use crate::error::{Result, StoreError};
use crate::timekeeper::TimeStatus;

/// Upper bounds of the times of a write to the log: a fast disk's flush to a sick one's.
const SYNC_BOUNDS: &[Duration] = &[
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(1000),
    Duration::from_millis(5000),
];
/// Upper bounds of the times of a seal: one small domain to a full memory under pressure.
const SEAL_BOUNDS: &[Duration] = &[
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// Counts durations in buckets; shared by reference, never locked.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Duration],
    /// One for each bound, and one for what is longer than all.
    buckets: Box<[AtomicU64]>,
    sum_nanos: AtomicU64,
}

/// What a [`Histogram`] held at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// Inclusive upper bounds, ascending, each with the number of durations up to it.
    pub cumulative: Vec<(Duration, u64)>,
    /// Durations in all.
    pub count: u64,
    /// Their sum.
    pub sum: Duration,
}

impl Histogram {
    /// An empty one with these inclusive upper bounds, ascending.
    #[must_use]
    pub fn new(bounds: &'static [Duration]) -> Self {
        Self {
            bounds,
            buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_nanos: AtomicU64::new(0),
        }
    }

    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        let bucket = self.bounds.partition_point(|bound| *bound < duration);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Counts the time since then.
    pub fn observe_since(&self, started: Instant) {
        self.observe(started.elapsed());
    }

    /// What it holds. Its count is that of its buckets, also while others count.
    #[must_use]
    pub fn snapshot(&self) -> HistogramSnapshot {
        let mut count = 0;
        let mut up_to = |bucket: &AtomicU64| {
            count += bucket.load(Ordering::Relaxed);
            count
        };
        let (longer, bounded) = self
            .buckets
            .split_last()
            .expect("there is one more than bounds");
        let bounded = bounded.iter().map(&mut up_to);
        let cumulative = self.bounds.iter().copied().zip(bounded).collect();
        let count = up_to(longer);
        HistogramSnapshot {
            cumulative,
            count,
            sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)),
        }
    }
}

/// Only goes up.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted where it happens.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) wal_syncs: Histogram,
    pub(crate) wal_failures: Counter,
    pub(crate) wal_frames: Counter,
    pub(crate) wal_events: Counter,
    pub(crate) wal_event_bytes: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) seals: Histogram,
    pub(crate) seal_failures: Counter,
    pub(crate) objects: Counter,
    pub(crate) object_bytes: Counter,
    pub(crate) compactions: Counter,
    pub(crate) compacted_objects: Counter,
    pub(crate) compacted_bytes: Counter,
    pub(crate) compaction_failures: Counter,
    pub(crate) download_bytes: Counter,
    pub(crate) checked_bytes: Counter,
    pub(crate) damaged_reads: Counter,
    pub(crate) sweep_failures: Counter,
    pub(crate) erase_failures: Counter,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            wal_syncs: Histogram::new(SYNC_BOUNDS),
            wal_failures: Counter::default(),
            wal_frames: Counter::default(),
            wal_events: Counter::default(),
            wal_event_bytes: Counter::default(),
            duplicates: Counter::default(),
            seals: Histogram::new(SEAL_BOUNDS),
            seal_failures: Counter::default(),
            objects: Counter::default(),
            object_bytes: Counter::default(),
            compactions: Counter::default(),
            compacted_objects: Counter::default(),
            compacted_bytes: Counter::default(),
            compaction_failures: Counter::default(),
            download_bytes: Counter::default(),
            checked_bytes: Counter::default(),
            damaged_reads: Counter::default(),
            sweep_failures: Counter::default(),
            erase_failures: Counter::default(),
        }
    }
}

/// Events that are durable in the log and not sealed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unsealed {
    /// Number of events.
    pub events: u64,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
    /// When the first of them came, if there is one.
    pub since: Option<Elapsed>,
}

/// How the store is and what it did since it was opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoreStats {
    /// What waits to be sealed.
    pub unsealed: Unsealed,
    /// Why no events are taken now, if so.
    pub write_refusal: Option<StoreError>,
    /// One duration for each write of the log with its fsync; what is queued meanwhile goes with the next.
    pub wal_syncs: HistogramSnapshot,
    /// Writes to the log that failed, for want of space or for good.
    pub wal_failures: u64,
    /// Frames written: one for each append.
    pub wal_frames: u64,
    /// Events made durable.
    pub wal_events: u64,
    /// Bytes of their lines, line feeds not counted.
    pub wal_event_bytes: u64,
    /// Events that were there already and were not stored again.
    pub duplicates: u64,
    /// What it takes to know sealed events again.
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
    /// Objects that went into them.
    pub compacted_objects: u64,
    /// Bytes of the objects that compaction made.
    pub compacted_bytes: u64,
    /// Compactions that failed, and objects that they found damaged.
    pub compaction_failures: u64,
    /// Bytes of downloads that were handed out.
    pub download_bytes: u64,
    /// Bytes of objects that were read and compared with the catalog before they were handed out.
    pub checked_bytes: u64,
    /// Reads that ended at an object that is damaged or missing.
    pub damaged_reads: u64,
    /// Hours that cannot be sealed, and are set apart so that others can.
    pub hours_apart: u64,
    /// Times that retention could not be acted on for a domain.
    pub sweep_failures: u64,
    /// Times that bytes could not be erased when they were to go; it is tried again.
    pub erase_failures: u64,
    /// How the machine's clock stands to the time that passed.
    pub time: TimeStatus,
}

impl Store {
    /// How the store is and what it did; asks neither disk nor catalog.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let core = &self.core;
        let counters = &core.counters;
        StoreStats {
            unsealed: core.memtable.unsealed(),
            write_refusal: self.write_refusal(),
            wal_syncs: counters.wal_syncs.snapshot(),
            wal_failures: counters.wal_failures.get(),
            wal_frames: counters.wal_frames.get(),
            wal_events: counters.wal_events.get(),
            wal_event_bytes: counters.wal_event_bytes.get(),
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
            hours_apart: core.memtable.apart().count(),
            sweep_failures: counters.sweep_failures.get(),
            erase_failures: counters.erase_failures.get(),
            time: core.time.status(),
        }
    }

    /// How many sessions are open, of all users.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn open_sessions(&self) -> Result<u64> {
        let core = &self.core;
        let age = core.time.age();
        core.catalog.count_sessions(age, &core.settings).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_up_to_its_bound_and_above() {
        const BOUNDS: &[Duration] = &[Duration::from_millis(1), Duration::from_millis(10)];
        let histogram = Histogram::new(BOUNDS);
        for millis in [0, 1, 2, 10, 11] {
            histogram.observe(Duration::from_millis(millis));
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.cumulative, [(BOUNDS[0], 2), (BOUNDS[1], 4)]);
        assert_eq!(
            (snapshot.count, snapshot.sum),
            (5, Duration::from_millis(24))
        );
    }
}
