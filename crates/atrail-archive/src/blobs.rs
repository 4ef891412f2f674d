//! The seam for immutable bytes: objects are put once, read in parts, and deleted.
//!
//! [`local`] keeps objects as files below a directory, `remote` in a bucket, [`memory`] in memory for tests.
//! `conformance.rs` tests what every implementation must do.

mod address;
#[cfg(test)]
mod conformance;
mod local;
mod mark;
mod memory;
#[cfg(feature = "cluster")]
mod remote;

use std::fmt::Debug;
use std::io;

use atrail_disk::{Reader, Result, StoreError};
use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use address::{BucketAddress, BucketSettings, Variables};
pub use local::LocalBlobs;
pub use memory::MemoryBlobs;
#[cfg(feature = "cluster")]
pub use remote::{Remote, RemoteBlobs};

/// What the catalog knows of an object's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The length.
    pub size_bytes: u64,
    /// The SHA-256.
    pub sha256: [u8; 32],
}

/// How many requests were sent to a bucket, each attempt by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BucketRequests {
    /// Objects written.
    pub puts: u64,
    /// Objects read.
    pub gets: u64,
    /// Objects deleted.
    pub deletes: u64,
    /// Pages of lists that came.
    pub lists: u64,
}

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

    /// Opens an object. An implementation that fetches it from another machine fetches it again when the bytes are not
    /// the expected ones, a few times; the reader may have other bytes nevertheless, and the caller checks them.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open<'a>(
        &'a self,
        path: &'a str,
        expected: Option<Expected>,
    ) -> BoxFuture<'a, Result<Reader>>;

    /// Opens an object in the calling thread when it is near; returns `None` when the thread would have to wait for
    /// another machine.
    fn open_near(&self, path: &str) -> Option<io::Result<Reader>>;

    /// Opens an object in the calling thread, which may wait for another machine: it is none of those that answer.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open_waiting(&self, path: &str, _: Option<Expected>) -> Result<Reader> {
        match self.open_near(path) {
            Some(Ok(reader)) => Ok(reader),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::NotFound {
                    what: format!("object {path}"),
                })
            }
            Some(Err(error)) => Err(StoreError::Damaged {
                what: format!("object {path}"),
                why: error.to_string(),
            }),
            None => Err(StoreError::Closed),
        }
    }

    /// Removes a near copy of an object that somebody else erased, also one that is being fetched.
    fn forget_copy<'a>(&'a self, path: &'a str) -> BoxFuture<'a, ()> {
        self.distrust(path);
        Box::pin(std::future::ready(()))
    }

    /// Returns how many requests were sent to the bucket, if these objects are in one: those for its other objects count, too.
    fn requests(&self) -> Option<BucketRequests> {
        None
    }

    /// Removes a near copy whose bytes proved wrong, and reports whether there was one: if so, the next call of
    /// [`open`](Self::open) reads the object itself.
    fn distrust(&self, path: &str) -> bool;

    /// Deletes an object, and the remainder of a write that a crash interrupted. A missing object counts as deleted.
    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Makes the deletions of these objects durable, in one step for all.
    fn settle_deletions<'a>(&'a self, paths: &'a [String]) -> BoxFuture<'a, Result<()>>;

    /// Returns the paths of the objects in a directory, at any depth, in order; all objects when `below` is empty. A
    /// missing directory counts as empty.
    fn list<'a>(&'a self, below: &'a str) -> BoxFuture<'a, Result<Vec<String>>>;

    /// Deletes all objects, and the remainders of writes. Nobody else uses them meanwhile.
    fn clear(&self) -> BoxFuture<'_, Result<()>>;
}
