//! Everything that the store counts.

use std::sync::Arc;
use std::time::Duration;

use atrail_model::{Counter, Histogram};
use atrail_wal::LogCounters;

/// Upper bounds of the times of a seal: from one small domain to a full memory under pressure.
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

/// Everything that the store counts.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) log: Arc<LogCounters>,
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
    pub(crate) indexed_events: Counter,
    pub(crate) index_files: Counter,
    pub(crate) index_bytes: Counter,
    pub(crate) index_failures: Counter,
    pub(crate) sweep_failures: Counter,
    pub(crate) erase_failures: Counter,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            log: Arc::default(),
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
            indexed_events: Counter::default(),
            index_files: Counter::default(),
            index_bytes: Counter::default(),
            index_failures: Counter::default(),
            sweep_failures: Counter::default(),
            erase_failures: Counter::default(),
        }
    }
}
