//! Objects in memory, for tests: they survive the store, as files survive a process.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use atrail_disk::{Reader, Result, StoreError};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;

use super::{Blobs, Expected};

/// Objects in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryBlobs(Arc<Mutex<Objects>>);

#[derive(Debug, Clone, Default)]
struct Objects {
    by_path: BTreeMap<String, (Bytes, u64)>,
    /// Number of puts so far.
    puts: u64,
}

impl MemoryBlobs {
    fn reader(&self, path: &str) -> Option<Reader> {
        let objects = self.0.lock();
        let (bytes, number) = objects.by_path.get(path)?;
        Some(Reader::of_memory(path, bytes.clone(), *number))
    }
}

impl MemoryBlobs {
    /// Returns a new one with a copy of the present contents.
    pub fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().clone())))
    }
}

impl Blobs for MemoryBlobs {
    fn put<'a>(&'a self, path: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<()>> {
        let mut objects = self.0.lock();
        objects.puts += 1;
        let number = objects.puts;
        objects.by_path.insert(path.to_owned(), (bytes, number));
        ready(Ok(())).boxed()
    }

    fn settle<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Result<()>> {
        ready(Ok(())).boxed()
    }

    fn open<'a>(&'a self, path: &'a str, _: Option<Expected>) -> BoxFuture<'a, Result<Reader>> {
        let reader = self.reader(path).ok_or_else(|| StoreError::NotFound {
            what: format!("object {path}"),
        });
        ready(reader).boxed()
    }

    fn open_near(&self, path: &str) -> Option<io::Result<Reader>> {
        let reader = self.reader(path);
        Some(reader.ok_or_else(|| io::ErrorKind::NotFound.into()))
    }

    fn distrust(&self, _: &str) -> bool {
        false
    }

    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>> {
        self.0.lock().by_path.remove(path);
        ready(Ok(())).boxed()
    }

    fn settle_deletions<'a>(&'a self, _: &'a [String]) -> BoxFuture<'a, Result<()>> {
        ready(Ok(())).boxed()
    }

    fn list<'a>(&'a self, below: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        let objects = self.0.lock();
        let is_below = |path: &&String| {
            let rest = path.strip_prefix(below);
            rest.is_some_and(|rest| below.is_empty() || rest.starts_with('/'))
        };
        let paths = objects.by_path.keys().filter(is_below).cloned().collect();
        ready(Ok(paths)).boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        self.0.lock().by_path.clear();
        ready(Ok(())).boxed()
    }
}
