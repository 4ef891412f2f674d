//! The seam for runs: files that are written once, read in parts, and removed.
//!
//! [`local`] keeps runs in a directory, [`memory`] keeps them in memory for tests. `conformance.rs` holds what every implementation
//! must do.

#[cfg(test)]
mod conformance;
pub(crate) mod local;
pub(crate) mod memory;

use std::fmt::Debug;
use std::io;

use crate::reader::Reader;

/// The runs of a store, by name.
///
/// When [`add`](Self::add) returns `Ok`, the run is whole, and it survives a crash of process and machine. Before, nobody sees it. A
/// run that was removed may come back after a crash: a run is a hint, and the catalog decides what counts.
pub(crate) trait Runs: Debug + Send + Sync {
    /// The names of all runs. What a crash left of writing others is removed.
    ///
    /// # Errors
    /// When the runs cannot be listed.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Adds a run of the bytes that `write` writes.
    ///
    /// # Errors
    /// Those of `write`, and when the run cannot be kept; there is no run of the name then.
    fn add(&self, name: &str, write: Writing<'_>) -> io::Result<()>;

    /// Opens a run. It stays readable when it is removed meanwhile.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open(&self, name: &str) -> io::Result<Reader>;

    /// Removes a run. One that is not there counts as removed.
    ///
    /// # Errors
    /// When it stays.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// Writes the bytes of a run.
pub(crate) type Writing<'a> = Box<dyn FnOnce(&mut dyn WriteAt) -> io::Result<()> + 'a>;

/// What can be written to at any place.
pub(crate) trait WriteAt {
    /// Writes bytes at a place; what was never written before it is zeros.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
}
