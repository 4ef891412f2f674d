//! The seam for the server's secrets: keys that only the server may read.
//!
//! [`LocalSecrets`] keeps them as files, `sealed` in a catalog that nodes share, [`MemorySecrets`] in memory for tests. `conformance.rs` tests what every
//! implementation must do.

#[cfg(feature = "cluster")]
mod cluster_key;
#[cfg(test)]
mod conformance;
mod local;
mod memory;
#[cfg(feature = "cluster")]
mod sealed;

use std::fmt::Debug;
use std::io;

#[cfg(feature = "cluster")]
pub use cluster_key::ClusterKey;
pub use local::LocalSecrets;
pub use memory::MemorySecrets;
#[cfg(feature = "cluster")]
pub(crate) use sealed::SealedSecrets;

/// The texts of secrets, by name.
///
/// When a method returns `Ok`, its effect survives a crash of process and machine, completely; after an error either
/// state is possible, but never half of a text. Nobody but the server's user can read a secret. Methods may wait for a
/// disk or for another machine.
pub trait Secrets: Debug + Send + Sync {
    /// Returns the secret of this name, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    fn load(&self, name: &str) -> io::Result<Option<String>>;

    /// Returns the names of all secrets, in order.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Stores a new secret.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one of this name, with nothing changed; when it cannot be stored.
    fn create(&self, name: &str, text: &str) -> io::Result<()>;

    /// Stores a secret, and replaces an existing one.
    ///
    /// # Errors
    /// When it cannot be stored.
    fn replace(&self, name: &str, text: &str) -> io::Result<()>;

    /// Renames a secret, and replaces an existing one of the new name.
    ///
    /// # Errors
    /// `NotFound` when there is none; when it cannot be stored.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a secret.
    ///
    /// # Errors
    /// `NotFound` when there is none; when it could not be removed.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Returns the location of a secret of this name, for messages.
    fn place(&self, name: &str) -> String;
}
