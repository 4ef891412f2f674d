//! The ground of everything durable: files that survive a power loss, the layout of the data directory, its lock, the
//! space that is set aside, and the error that all layers above return.

mod checksum;
pub mod data_dir;
mod database_error;
mod dir_lock;
pub mod durable;
mod error;
#[cfg(any(test, feature = "faults"))]
pub mod faults;
mod file_id;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzzing;
mod growing;
mod listing;
mod low_priority;
pub mod moving;
mod reader;
mod reserve;
pub mod space;
mod task;

pub use checksum::crc32c;
pub use database_error::{DatabaseError, Shortage};
pub use dir_lock::DirLock;
pub use error::{ErrorKind, Result, StoreError, chain, io_failure, is_full};
pub use file_id::FileId;
pub use growing::{AllocatedFile, LineFile, read_written};
pub use listing::list;
pub use low_priority::{Priority, spawn_low};
pub use reader::{Reader, Stamp};
pub use reserve::Reserve;
pub use task::{Others, joined, off_thread, off_thread_beside, off_thread_low};
