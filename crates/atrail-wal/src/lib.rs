//! Keeps events durable from their acknowledgement until they are sealed: the write-ahead log, and the journal above it.

mod counters;
mod journal;
mod log;

pub use counters::LogCounters;
pub use journal::memory::{MemoryJournal, MemoryLog};
pub use journal::{
    Appended, Batch, CountsChange, CountsKept, GATHER_HOURS, Gathered, Journal, LocalJournal,
    NewJournal, Pending, Ripe, Rotation, Taken, Unsealed,
};
#[cfg(feature = "internals")]
#[doc(hidden)]
pub use log::fuzzing;
pub use log::{
    CheckedLog, FILE_SIZE_BYTES, FileWal, Frame, LogNumber, NewEvent, NewLog, Replay, check_log,
    sound_files,
};
