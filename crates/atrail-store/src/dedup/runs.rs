//! The seam for runs: files that are written once, read in parts, and removed.
//!
//! [`local`] keeps runs in a directory, `shared` in a bucket with copies in a directory, [`memory`] in memory for tests. `conformance.rs` tests what every
//! implementation must do.

#[cfg(test)]
mod conformance;
pub(crate) mod local;
pub(crate) mod memory;
#[cfg(feature = "cluster")]
pub(crate) mod shared;

use std::fmt::Debug;
use std::io;

use atrail_disk::Reader;

/// The runs of a store, by name.
///
/// When [`add`](Self::add) returns `Ok`, the run is whole, and it survives a crash of process and machine. Before,
/// nobody sees it. A removed run may come back after a crash: a run is a hint, and the catalog decides what counts.
pub(crate) trait Runs: Debug + Send + Sync {
    /// Returns the names of all runs. It removes the remainders of writes that a crash interrupted.
    ///
    /// # Errors
    /// When the runs cannot be listed.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Adds a run with the bytes that `write` writes.
    ///
    /// # Errors
    /// Those of `write`, and when the run cannot be stored; no run has the name then.
    fn add(&self, name: &str, write: Writing<'_>) -> io::Result<()>;

    /// Opens a run. It stays readable even if it is removed meanwhile.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open(&self, name: &str) -> io::Result<Reader>;

    /// Lets go of what this node has of a run that another one removed.
    ///
    /// # Errors
    /// When it could not be removed.
    #[cfg(feature = "cluster")]
    fn forget_copy(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    /// Removes a run. A missing run counts as removed.
    ///
    /// # Errors
    /// When it could not be removed.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// Writes the bytes of a run.
pub(crate) type Writing<'a> = Box<dyn FnOnce(&mut dyn WriteAt) -> io::Result<()> + 'a>;

/// A destination that can be written at any offset.
pub(crate) trait WriteAt {
    /// Writes bytes at an offset; unwritten bytes before it are zeros.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
}
