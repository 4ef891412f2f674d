//! Records that work is owed.

use std::sync::atomic::{AtomicU64, Ordering};

/// Records that work could not be done. The record stands while somebody does the work, and afterwards if more was left
/// meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// How often work was left.
    left: AtomicU64,
    /// Up to which of these times the work is done.
    settled: AtomicU64,
}

impl Owed {
    /// Records that work is left.
    pub(crate) fn owe(&self) {
        self.left.fetch_add(1, Ordering::SeqCst);
    }

    /// Reports whether work is left or in progress.
    pub(crate) fn owes(&self) -> bool {
        self.settled.load(Ordering::SeqCst) < self.number()
    }

    /// Returns the number to pass to [`Self::settle`] once everything is done that is left now.
    pub(crate) fn number(&self) -> u64 {
        self.left.load(Ordering::SeqCst)
    }

    /// Records that everything is done that was left when [`Self::number`] returned this.
    pub(crate) fn settle(&self, number: u64) {
        self.settled.fetch_max(number, Ordering::SeqCst);
    }
}
