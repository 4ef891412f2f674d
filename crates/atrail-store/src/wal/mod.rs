//! The write-ahead log: where an event is made durable before it is acknowledged.

mod file;
mod frame;
mod writer;

use std::io;

pub(crate) use file::FileWal;
pub(crate) use frame::Frame;
pub(crate) use writer::{Appended, WriterHandle};

/// A log of frames. When `append` returns `Ok`, its frames survive a crash of process and machine.
///
/// After `Broken` the log is never written again in this process.
pub(crate) trait Wal: Send {
    /// Makes the frames durable, all or none. Their sequence numbers go on from the last one.
    fn append(&mut self, frames: &[Frame]) -> Result<(), AppendError>;

    /// Goes on in a new file, so that the old one can be trimmed.
    fn rotate(&mut self) -> Result<(), AppendError>;

    /// Removes files all of whose frames are below this sequence number.
    fn trim(&mut self, floor: u64) -> io::Result<()>;
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
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(error),
            _ => Self::Broken(error),
        }
    }
}

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;

#[cfg(test)]
mod tests;
