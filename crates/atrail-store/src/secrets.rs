//! The seam for the server's secrets: keys that only the server may read.
//!
//! [`LocalSecrets`] keeps them as files, [`MemorySecrets`] in memory for tests. `conformance.rs` holds what every implementation must
//! do.

#[cfg(test)]
mod conformance;
mod local;
mod memory;

use std::fmt::Debug;
use std::io;

pub use local::LocalSecrets;
pub use memory::MemorySecrets;

/// The texts of secrets, by name.
///
/// When a method returns `Ok`, what it did survives a crash of process and machine, completely; after an error either state is
/// possible, and never half of a text. Nobody but the server's user can read a secret. Methods may wait for a disk or for another
/// machine.
pub trait Secrets: Debug + Send + Sync {
    /// The secret of this name, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    fn load(&self, name: &str) -> io::Result<Option<String>>;

    /// Keeps a secret where none is.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one, with nothing changed; when it cannot be kept.
    fn create(&self, name: &str, text: &str) -> io::Result<()>;

    /// Keeps a secret, in the place of the one that may be there.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn replace(&self, name: &str, text: &str) -> io::Result<()>;

    /// Gives a secret another name, in the place of the one that may have it.
    ///
    /// # Errors
    /// `NotFound` when there is none; when it cannot be kept.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a secret.
    ///
    /// # Errors
    /// `NotFound` when there is none; when it stays.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Where a secret of this name is kept, for messages.
    fn place(&self, name: &str) -> String;
}
