//! Objects in a bucket, with copies of the used ones in a directory of this machine.
//!
//! Every object has a fresh name, and is written by a plain PUT: a repeated PUT writes the same bytes, and nothing relies
//! on a conditional one. An object is read by one GET of all of it, into the cache; every later read is one of a file.

mod bucket;
mod cache;
mod credentials;
mod home;
mod late;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::Arc;

use atrail_disk::{Reader, Result, StoreError};
use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::runtime::Handle;

use super::{Blobs, BucketAddress, BucketRequests, BucketSettings, Expected};
use bucket::Bucket;
use cache::{Cache, Part};
use late::Late;

/// Turns of tasks that fetch or delete objects.
const TURNS: usize = 64;
/// GETs whose bytes differ from what the catalog expects, before the reader is given what there is.
const WRONG_READS: usize = 3;
/// Deletions at the same time, when all objects go.
const PARALLEL: usize = 16;

/// A bucket, and the cache of this machine.
#[derive(Debug, Clone)]
pub struct Remote {
    bucket: Arc<Bucket>,
    cache: Arc<Cache>,
    /// Where requests are sent, also those of other threads.
    handle: Handle,
}

/// The objects in one directory of a bucket.
#[derive(Debug)]
pub struct RemoteBlobs {
    remote: Remote,
    /// The directory below the prefix, such as `archive`.
    dir: &'static str,
    late: Late,
    /// The task that fetches or deletes an object holds one of these, so that no two fetch it, and no deleted one is kept.
    turns: [tokio::sync::Mutex<()>; TURNS],
}

impl Remote {
    /// Sets up the client of a bucket, and the cache in this directory; sends nothing yet.
    ///
    /// # Errors
    /// When the address is none, another process uses the cache, or its disk fails.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn open(settings: &BucketSettings, cache: &Path, cache_bytes: u64) -> Result<Self> {
        Ok(Self {
            bucket: Arc::new(Bucket::open(settings)?),
            cache: Arc::new(Cache::open(cache, cache_bytes)?),
            handle: Handle::current(),
        })
    }

    /// Returns the objects in a directory of the bucket, below its prefix.
    #[must_use]
    pub fn blobs(&self, dir: &'static str) -> RemoteBlobs {
        RemoteBlobs {
            remote: self.clone(),
            dir,
            late: Late::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }
}

impl Remote {
    /// Removes all copies in the cache: some may be of objects that others erased.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn forget_copies(&self) -> Result<()> {
        self.cache.clear()
    }

    /// Puts a small object beside those of [`Self::blobs`]; it is durable when this returns.
    ///
    /// # Errors
    /// When the bucket does not answer: the object may be there nevertheless, or arrive later.
    pub async fn put_small(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.bucket.put(path, bytes).await.result
    }

    /// Returns the bytes of a small object.
    ///
    /// # Errors
    /// `NotFound` when there is none; when the bucket does not answer.
    pub async fn get_small(&self, path: &str) -> Result<Bytes> {
        self.bucket.get_small(path).await
    }

    /// Returns the paths of all objects below a path.
    ///
    /// # Errors
    /// When the bucket does not answer.
    pub async fn list(&self, below: &str) -> Result<Vec<String>> {
        self.bucket.list(below).await
    }
}

impl RemoteBlobs {
    fn key(&self, path: &str) -> String {
        format!("{}/{path}", self.dir)
    }

    fn turn(&self, key: &str) -> &tokio::sync::Mutex<()> {
        let sum = key.bytes().fold(0_usize, |sum, byte| {
            sum.wrapping_mul(31) + usize::from(byte)
        });
        &self.turns[sum % TURNS]
    }

    async fn put_now(&self, path: &str, bytes: Bytes) -> Result<()> {
        let key = self.key(path);
        // Noted first: whoever waits for the answer may be cancelled.
        let is_only = self.late.note(&key);
        let outcome = self.remote.bucket.put(&key, bytes.clone()).await;
        if is_only && !outcome.may_come_late {
            self.late.is_answered(&key);
        }
        outcome.result?;
        // Most objects are read again soon: by the search index, or by a session.
        let cache = Arc::clone(&self.remote.cache);
        let kept = atrail_disk::off_thread(move || Ok(cache.keep(&key, &bytes))).await?;
        if let Err(error) = kept {
            tracing::debug!(path, %error, "an object is not kept in the cache");
        }
        Ok(())
    }

    async fn open_now(&self, path: &str, expected: Option<Expected>) -> Result<Reader> {
        let key = self.key(path);
        if let Some(reader) = self.cached(&key, path, expected) {
            return Ok(reader);
        }
        let _turn = self.turn(&key).lock().await;
        if let Some(reader) = self.cached(&key, path, expected) {
            return Ok(reader);
        }
        let mut tries = 1;
        loop {
            let part = self.remote.bucket.get(&key, &self.remote.cache, expected);
            let part: Part = part.await?;
            if part.is_as(expected) {
                return Ok(Reader::of_file(path, part.keep()?));
            }
            // Some hop gave other bytes, or they are what the bucket holds: then the reader finds out, and says so.
            if tries == WRONG_READS {
                return Ok(Reader::of_file(path, part.lose()?));
            }
            tracing::warn!(
                path,
                "a bucket returned other bytes than were written; it is asked again"
            );
            tries += 1;
        }
    }

    fn cached(&self, key: &str, path: &str, expected: Option<Expected>) -> Option<Reader> {
        let file = self.remote.cache.get(key)?;
        let reader = Reader::of_file(path, file);
        let size_bytes = reader.stamp().ok()?.size_bytes;
        if expected.is_some_and(|expected| expected.size_bytes != size_bytes) {
            self.remote.cache.forget(key);
            return None;
        }
        Some(reader)
    }

    async fn delete_now(&self, path: &str) -> Result<()> {
        let key = self.key(path);
        let _turn = self.turn(&key).lock().await;
        self.remote.cache.forget(&key);
        if self.late.was_deleted_just_now(&key) {
            return Err(arrives_late(path));
        }
        self.remote.bucket.delete(&key).await?;
        if self.late.may_come(&key) {
            return Err(arrives_late(path));
        }
        Ok(())
    }
}

/// The answer to one write of this object was lost: the write itself may still be on its way.
fn arrives_late(path: &str) -> StoreError {
    StoreError::Away {
        what: format!("delete {path} for good"),
        source: "an earlier write of it was not answered and may still arrive: it is deleted once more later".into(),
    }
}

impl Blobs for RemoteBlobs {
    fn put<'a>(&'a self, path: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<()>> {
        self.put_now(path, bytes).boxed()
    }

    /// (A bucket answers a PUT when the object is durable.)
    fn settle<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Result<()>> {
        ready(Ok(())).boxed()
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        expected: Option<Expected>,
    ) -> BoxFuture<'a, Result<Reader>> {
        self.open_now(path, expected).boxed()
    }

    fn open_near(&self, path: &str) -> Option<io::Result<Reader>> {
        let file = self.remote.cache.get(&self.key(path))?;
        Some(Ok(Reader::of_file(path, file)))
    }

    fn open_waiting(&self, path: &str, expected: Option<Expected>) -> Result<Reader> {
        self.remote.handle.block_on(self.open_now(path, expected))
    }

    fn forget_copy<'a>(&'a self, path: &'a str) -> BoxFuture<'a, ()> {
        async move {
            let key = self.key(path);
            let _turn = self.turn(&key).lock().await;
            self.remote.cache.forget(&key);
        }
        .boxed()
    }

    fn requests(&self) -> Option<BucketRequests> {
        Some(self.remote.bucket.requests())
    }

    fn distrust(&self, path: &str) -> bool {
        self.remote.cache.forget(&self.key(path))
    }

    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>> {
        self.delete_now(path).boxed()
    }

    fn settle_deletions<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Result<()>> {
        ready(Ok(())).boxed()
    }

    fn list<'a>(&'a self, below: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        async move {
            let listed = self.remote.bucket.list(&self.key(below)).await?;
            let start = self.dir.len() + 1;
            let paths = listed
                .into_iter()
                .filter_map(|key| Some(key.get(start..)?.to_owned()));
            Ok(paths.collect())
        }
        .boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let paths = self.list("").await?;
            stream::iter(paths)
                .map(|path| async move { self.delete_now(&path).await })
                .buffer_unordered(PARALLEL)
                .try_collect()
                .await
        }
        .boxed()
    }
}
