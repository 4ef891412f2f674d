//! Runs of nodes that share a catalog.
//!
//! A run is an object in the bucket; the catalog names those that count. Each node reads its own copies of them, in a
//! directory that may be erased whenever the node is not running.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use atrail_archive::{Blobs, Expected};
use atrail_catalog::{Catalog, RunBytes};
use atrail_disk::{Reader, Result, StoreError};
use bytes::Bytes;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::local::LocalRuns;
use super::{Runs, Writing};
use crate::beside::Beside;

/// Runs in a bucket, with copies in a directory.
#[derive(Debug)]
pub(crate) struct SharedRuns {
    copies: LocalRuns,
    catalog: Catalog,
    blobs: Arc<dyn Blobs>,
    beside: Arc<Beside>,
    /// The copies that were written, or compared with the catalog, since the start: opening one of these asks nobody.
    checked: Mutex<HashSet<String>>,
}

impl SharedRuns {
    /// Opens the runs of this catalog, whose connections no other thread uses, with copies in this directory. It removes
    /// copies of runs that are gone.
    ///
    /// # Errors
    /// When the catalog or the directory fails.
    pub(crate) fn open(
        cache: &Path,
        catalog: Catalog,
        blobs: Arc<dyn Blobs>,
        beside: Arc<Beside>,
    ) -> Result<Self> {
        let this = Self {
            copies: LocalRuns::open(cache)?,
            catalog,
            blobs,
            beside,
            checked: Mutex::default(),
        };
        let failed = |source| StoreError::Directory {
            what: format!("cannot tidy up the copies of runs in {}", cache.display()),
            source,
        };
        let counted = this.names().map_err(failed)?;
        for copy in this.copies.names().map_err(failed)? {
            if !counted.contains(&copy) {
                this.copies.remove(&copy).map_err(failed)?;
            }
        }
        Ok(this)
    }

    /// Returns all bytes of a run's object, which must be the expected ones.
    fn fetch(&self, name: &str, expected: RunBytes) -> io::Result<Vec<u8>> {
        let (blobs, path) = (Arc::clone(&self.blobs), name.to_owned());
        let opened = self.beside.wait(async move {
            let wanted = Expected {
                size_bytes: expected.size_bytes,
                sha256: expected.sha256,
            };
            match blobs.open(&path, Some(wanted)).await {
                Err(StoreError::NotFound { .. }) => Ok(None),
                opened => opened.map(Some),
            }
        })?;
        let reader = opened.ok_or(io::ErrorKind::NotFound)?;
        let bytes = bytes_of(&reader)?;
        if !is_as(&bytes, expected) {
            // Not yet a run that is damaged for ever: the next attempt may bring the right bytes.
            let why = format!("the bucket returns other bytes for the run {name}");
            return Err(io::Error::other(why));
        }
        Ok(bytes)
    }

    /// Removes the object of a run that does not count, and forgets the run.
    fn erase(&self, name: &str) -> io::Result<()> {
        let (blobs, catalog) = (Arc::clone(&self.blobs), self.catalog.clone());
        let name = name.to_owned();
        self.beside.wait(async move {
            blobs.delete(&name).await?;
            blobs.settle_deletions(std::slice::from_ref(&name)).await?;
            catalog.forget_dedup_run(&name).await
        })
    }
}

fn bytes_of(reader: &Reader) -> io::Result<Vec<u8>> {
    let length = reader.stamp()?.size_bytes;
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    reader.fill(&mut bytes, 0)?;
    Ok(bytes)
}

fn is_as(bytes: &[u8], expected: RunBytes) -> bool {
    bytes.len() as u64 == expected.size_bytes
        && <[u8; 32]>::from(Sha256::digest(bytes)) == expected.sha256
}

impl Runs for SharedRuns {
    fn names(&self) -> io::Result<Vec<String>> {
        let catalog = self.catalog.clone();
        let (names, halves) = self.beside.wait(async move {
            let halves = catalog.half_dedup_runs().await?;
            Ok::<_, StoreError>((catalog.dedup_runs().await?, halves))
        })?;
        for half in halves {
            self.erase(&half)?;
        }
        Ok(names)
    }

    fn add(&self, name: &str, write: Writing<'_>) -> io::Result<()> {
        self.copies.add(name, write)?;
        let copy = self.copies.open(name)?;
        let mut bytes =
            vec![0; usize::try_from(copy.stamp()?.size_bytes).map_err(io::Error::other)?];
        copy.fill(&mut bytes, 0)?;
        let known = RunBytes {
            size_bytes: bytes.len() as u64,
            sha256: Sha256::digest(&bytes).into(),
        };
        let (blobs, catalog) = (Arc::clone(&self.blobs), self.catalog.clone());
        let (run, bytes) = (name.to_owned(), Bytes::from(bytes));
        let added = self.beside.wait(async move {
            catalog.begin_dedup_run(&run, known).await?;
            blobs.put(&run, bytes).await?;
            blobs.settle(std::slice::from_ref(&run)).await?;
            catalog.complete_dedup_run(&run).await
        });
        if added.is_ok() {
            self.checked.lock().insert(name.to_owned());
        }
        if added.is_err() {
            // Whether it was completed may be unknown; a run that nobody needs is removed when it expires.
            let removed = self.copies.remove(name).and_then(|()| self.remove(name));
            if let Err(error) = removed {
                tracing::warn!(run = name, %error, "the remainder of a run is in the bucket until this node is gone");
            }
        }
        added
    }

    fn open(&self, name: &str) -> io::Result<Reader> {
        if self.checked.lock().contains(name) {
            match self.copies.open(name) {
                // Somebody erased it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
        }
        let (catalog, run) = (self.catalog.clone(), name.to_owned());
        let expected = self
            .beside
            .wait(async move { catalog.dedup_run(&run).await })?;
        let expected = expected.ok_or(io::ErrorKind::NotFound)?;
        match self.copies.open(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => {
                let copy = opened?;
                // A copy that is not what the catalog says costs this node a fetch, and no other node anything.
                if bytes_of(&copy).is_ok_and(|bytes| is_as(&bytes, expected)) {
                    self.checked.lock().insert(name.to_owned());
                    return Ok(copy);
                }
                self.copies.remove(name)?;
            }
        }
        let bytes = self.fetch(name, expected)?;
        // What this node's disk lacks says nothing about the run.
        let here = |error| io::Error::other(format!("the copy of the run {name}: {error}"));
        self.copies
            .add(name, Box::new(|out| out.write_at(&bytes, 0)))
            .map_err(here)?;
        self.checked.lock().insert(name.to_owned());
        self.copies.open(name).map_err(here)
    }

    fn forget_copy(&self, name: &str) -> io::Result<()> {
        self.checked.lock().remove(name);
        self.copies.remove(name)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (catalog, run) = (self.catalog.clone(), name.to_owned());
        self.beside
            .wait(async move { catalog.retire_dedup_run(&run).await })?;
        self.erase(name)?;
        self.forget_copy(name)
    }
}
