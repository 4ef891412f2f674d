//! Keeps events durable from their acknowledgement until they are sealed: the write-ahead log, and the journal above it.

mod counters;
mod journal;
mod log;

pub use counters::LogCounters;
pub use journal::memory::{MemoryJournal, MemoryLog};
pub use journal::{
    Appended, Batch, CountsKept, Following, GATHER_HOURS, Gathered, Journal, JournalPlace,
    LocalJournal, Moved, NewJournal, Pending, Recent, RecentFrame, Ripe, Rotation, Taken, Unsealed,
};
#[cfg(feature = "internals")]
#[doc(hidden)]
pub use log::fuzzing;
pub use log::{
    CheckedLog, FILE_SIZE_BYTES, FileWal, Frame, LogNumber, NewEvent, NewLog, Replay, check_log,
    sound_files,
};
