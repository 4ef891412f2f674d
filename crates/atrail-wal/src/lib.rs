//! Keeps events durable from their acknowledgement until they are sealed: the write-ahead log, and the journal above it.

mod counters;
mod journal;
mod log;

pub use counters::LogCounters;
/// The suite of every journal, for those of other crates.
#[cfg(feature = "conformance")]
#[doc(hidden)]
pub mod conformance {
    pub use crate::journal::conformance::{
        Bed, RECENT_BYTES, SEAL_AT_BYTES, append, clock, conforms, event, space,
    };
    pub use crate::journal::memory::Failure;
    pub use crate::journal::shared::plain;
}
pub use journal::memory::{MemoryJournal, MemoryLog};
pub use journal::{
    Appended, Batch, BatchId, Beyond, CountsKept, Following, GATHER_HOURS, Gathered, Journal,
    JournalPlace, LocalJournal, LockedLog, LoggedBatch, Moved, NewBatch, NewJournal,
    NewSharedJournal, Pending, Recent, RecentFrame, Registered, Ripe, Rotation, SealedElsewhere,
    SharedJournal, SharedLog, Taken, Unsealed,
};
#[cfg(feature = "internals")]
#[doc(hidden)]
pub use log::fuzzing;
pub use log::{
    CheckedLog, FILE_SIZE_BYTES, FileWal, Frame, LogNumber, NewEvent, NewLog, Replay, check_log,
    sound_files,
};
