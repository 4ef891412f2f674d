//! The numbers of requests whose senders ask for acknowledgements.

use std::sync::atomic::{AtomicU64, Ordering};

use atrail_model::Timestamp;

/// Gives each request a number of its own.
#[derive(Debug)]
pub(crate) struct Acks(AtomicU64);

impl Acks {
    /// Begins at a number that an earlier process has not reached: a sender may still ask for its numbers.
    pub(crate) fn starting_at(now: Timestamp) -> Self {
        Self(AtomicU64::new(
            u64::try_from(now.as_millisecond()).unwrap_or_default(),
        ))
    }

    /// Returns the next number.
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
