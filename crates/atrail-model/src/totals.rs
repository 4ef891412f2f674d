//! Totals of events.

use crate::Day;

/// The events that a deletion removed, or would remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventTotal {
    /// Number of events.
    pub count: u64,
    /// Total bytes of their lines, without line feeds.
    pub size_bytes: u64,
    /// Whether some of their bytes are still on the disk, because they could not be erased yet: a background task
    /// continues.
    pub is_owed: bool,
}

impl EventTotal {
    /// Adds both totals.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            count: self.count + more.count,
            size_bytes: self.size_bytes + more.size_bytes,
            is_owed: self.is_owed || more.is_owed,
        }
    }
}

/// The events of one day of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTotal {
    /// The day.
    pub day: Day,
    /// Number of events.
    pub count: u64,
    /// Total bytes of their lines, without line feeds.
    pub size_bytes: u64,
}
