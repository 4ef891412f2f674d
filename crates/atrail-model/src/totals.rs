//! How much there is of events.

use crate::Day;

/// What a deletion took, or would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventTotal {
    /// Number of events.
    pub count: u64,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
    /// Whether some of their bytes are still on the disk, because they could not be erased yet: the background goes on.
    pub is_owed: bool,
}

impl EventTotal {
    /// Both together.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            count: self.count + more.count,
            size_bytes: self.size_bytes + more.size_bytes,
            is_owed: self.is_owed || more.is_owed,
        }
    }
}

/// What a day of a target holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTotal {
    /// The day.
    pub day: Day,
    /// Number of events.
    pub count: u64,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
}
