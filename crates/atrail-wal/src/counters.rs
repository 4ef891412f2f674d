//! What writing the log counts.

use std::time::Duration;

use atrail_model::{Counter, Histogram};

/// Upper bounds of the times of a write to the log: from a fast disk's flush to a failing disk's.
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

/// Counts the writes of a log.
#[derive(Debug)]
pub struct LogCounters {
    /// The times of successful writes, each with its sync.
    pub syncs: Histogram,
    /// Failed writes.
    pub failures: Counter,
    /// Durable frames.
    pub frames: Counter,
    /// Durable events.
    pub events: Counter,
    /// Bytes of their lines.
    pub event_bytes: Counter,
}

impl Default for LogCounters {
    fn default() -> Self {
        Self {
            syncs: Histogram::new(SYNC_BOUNDS),
            failures: Counter::default(),
            frames: Counter::default(),
            events: Counter::default(),
            event_bytes: Counter::default(),
        }
    }
}
