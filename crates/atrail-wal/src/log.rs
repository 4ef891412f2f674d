//! The write-ahead log: makes events durable before they are acknowledged.

mod check;
mod erase;
mod event;
mod file;
mod frame;
mod read;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::HashSet;
use std::io;

use atrail_model::Domain;

pub use check::{CheckedLog, check_log, sound_files};
pub(crate) use erase::Eraser;
pub use event::NewEvent;
pub use file::{FILE_SIZE_BYTES, FileWal, NewLog, Replay};
pub use frame::Frame;
pub(crate) use frame::{
    FRAME_HEADER_LEN, HOURS_MAX, decode_payload, encode_frame, sound_frame, split_into_frames,
};

/// Identifies the log of a sequence number, among the logs that a catalog knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogNumber(pub i64);

impl LogNumber {
    /// The log of a data directory.
    pub const OF_DIRECTORY: Self = Self(1);
}

/// A log of frames. When `append` returns `Ok`, its frames survive a crash of process and machine.
///
/// After `Broken` the log is never written again in this process.
pub(crate) trait Wal: Send {
    /// Makes the frames durable, all or none. Their sequence numbers continue from the last one.
    fn append(&mut self, frames: &[Frame]) -> Result<(), AppendError>;

    /// Continues in a new file, so that the old one can be trimmed; in a small one if `even_small` allows it and there
    /// is no space for more.
    fn rotate(&mut self, even_small: bool) -> Result<(), AppendError>;

    /// Removes files whose frames are all below this sequence number; perhaps none while an [`Eraser`] is working.
    fn trim(&mut self, floor: u64) -> io::Result<()>;

    /// Continues in a new file, if need be in a small one, when the current file may have events of these domains.
    /// Returns the eraser that can remove them without blocking the writer.
    fn part_with(&mut self, domains: &HashSet<Domain>) -> Result<Eraser, AppendError>;
}

/// Why frames were not made durable.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// There is no space; nothing was written.
    Full(io::Error),
    /// A write or fsync failed; what is on the disk is unknown.
    Broken(io::Error),
}

impl AppendError {
    fn of_new_file(error: io::Error) -> Self {
        if is_full(&error) {
            Self::Full(error)
        } else {
            Self::Broken(error)
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(feature = "internals")]
pub mod fuzzing;

#[cfg(test)]
mod tests;
