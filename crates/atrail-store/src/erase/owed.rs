//! Whether something is owed.

use std::sync::atomic::{AtomicU64, Ordering};

/// Notes that something is to be done that could not be. It stands while somebody does it, and beyond that when more was left meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// How often something was left.
    left: AtomicU64,
    /// How much of that is done.
    settled: AtomicU64,
}

impl Owed {
    /// Notes that something is left.
    pub(crate) fn owe(&self) {
        self.left.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether something is left, or being done.
    pub(crate) fn owes(&self) -> bool {
        self.settled.load(Ordering::SeqCst) < self.number()
    }

    /// What [`Self::settle`] is told after all was done that was left by now.
    pub(crate) fn number(&self) -> u64 {
        self.left.load(Ordering::SeqCst)
    }

    /// Notes that all is done that was left when this was the number.
    pub(crate) fn settle(&self, number: u64) {
        self.settled.fetch_max(number, Ordering::SeqCst);
    }
}
