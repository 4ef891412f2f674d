//! The seam for immutable bytes: objects are put once, read in parts, and deleted.
//!
//! [`local`] keeps objects as files below a directory, [`memory`] keeps them in memory for tests. `conformance.rs`
//! tests what every implementation must do.

#[cfg(test)]
mod conformance;
mod local;
mod memory;

use std::fmt::Debug;
use std::io;

use atrail_disk::{Reader, Result};
use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use local::LocalBlobs;
pub use memory::MemoryBlobs;

/// The objects of a store.
///
/// When [`put`](Self::put) and then [`settle`](Self::settle) have returned `Ok` for a path, the object is whole, and it
/// survives a crash of process and machine. Before `put` returns nobody sees it under its path. When
/// [`delete`](Self::delete) and then [`settle_deletions`](Self::settle_deletions) have returned `Ok`, the object does
/// not come back. After an error either state is possible, and the caller may repeat the call. The store never puts two
/// objects under one path.
pub trait Blobs: Debug + Send + Sync {
    /// Writes an object at a free path.
    ///
    /// # Errors
    /// `Full` when there is no space; no part of the object is visible then.
    fn put<'a>(&'a self, path: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<()>>;

    /// Makes the places of these objects durable, in one step for all.
    fn settle<'a>(&'a self, paths: &'a [String]) -> BoxFuture<'a, Result<()>>;

    /// Opens an object. The caller knows its length from the catalog, so this call need not look it up.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Reader>>;

    /// Opens an object in the calling thread when it is near; returns `None` when the thread would have to wait for
    /// another machine.
    fn open_near(&self, path: &str) -> Option<io::Result<Reader>>;

    /// Deletes an object, and the remainder of a write that a crash interrupted. A missing object counts as deleted.
    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Makes the deletions of these objects durable, in one step for all.
    fn settle_deletions<'a>(&'a self, paths: &'a [String]) -> BoxFuture<'a, Result<()>>;

    /// Deletes all objects, and the remainders of writes. Nobody else uses them meanwhile.
    fn clear(&self) -> BoxFuture<'_, Result<()>>;
}
