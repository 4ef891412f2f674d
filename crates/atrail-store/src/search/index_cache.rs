//! Opened files of the index. A file that does not answer is left out until it is made anew.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use atrail_archive::Blobs;
use atrail_archive::object::INDEX_PREFIX;
use atrail_catalog::index_files::IndexFileRow;
use atrail_disk::{ErrorKind, Reader};
use atrail_model::Recent;
use atrail_search::index::{Footer, IndexFile, Source};
use parking_lot::Mutex;

/// The version of the files that this server writes and reads.
pub(crate) const VERSION: u32 = 1;

/// The files of the index that were opened lately, and those that are not sound.
#[derive(Debug)]
pub(crate) struct IndexCache {
    open: Mutex<Recent<String, Arc<IndexFile>>>,
    bad: Mutex<HashSet<String>>,
}

/// Why a file of the index cannot be opened.
#[derive(Debug)]
pub(crate) enum Unopened {
    /// It is on another machine, which does not answer now.
    Away,
    /// It is missing, or differs from what was written.
    Bad(String),
}

/// A file of the index, to be read.
#[derive(Debug)]
pub(crate) struct IndexSource {
    reader: Reader,
    size_bytes: u64,
}

impl Source for IndexSource {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.reader.fill(into, offset)
    }
}

impl IndexCache {
    /// Keeps directories of files in this many bytes of memory.
    pub(crate) fn new(memory_bytes: usize) -> Self {
        Self {
            open: Mutex::new(Recent::new(memory_bytes)),
            bad: Mutex::default(),
        }
    }

    /// Opens a file of the index in the calling thread.
    ///
    /// # Errors
    /// When it is missing, or differs from what was written.
    pub(crate) fn open(
        &self,
        blobs: &dyn Blobs,
        row: &IndexFileRow,
    ) -> Result<(Arc<IndexFile>, IndexSource), Unopened> {
        let path = row.path.strip_prefix(INDEX_PREFIX).unwrap_or(&row.path);
        let reader = blobs
            .open_waiting(path, None)
            .map_err(|error| match error.kind() {
                ErrorKind::Unavailable => Unopened::Away,
                _ => Unopened::Bad(format!("it cannot be opened: {error}")),
            })?;
        let bad = |error: &dyn std::error::Error| Unopened::Bad(error.to_string());
        let stamp = reader.stamp().map_err(|error| bad(&error))?;
        let source = IndexSource {
            reader,
            size_bytes: stamp.size_bytes,
        };
        if stamp.size_bytes != row.size_bytes {
            return Err(Unopened::Bad(format!(
                "it has {} bytes in place of {}",
                stamp.size_bytes, row.size_bytes
            )));
        }
        if let Some(file) = self.open.lock().get(&row.path) {
            return Ok((Arc::clone(file), source));
        }
        let footer = Footer {
            size_bytes: row.footer_bytes,
            sha256: row.footer_sha256,
        };
        let file = IndexFile::open(&source, &footer).map_err(|error| bad(&error))?;
        if (file.domain(), file.day()) != (row.domain, row.day) {
            return Err(Unopened::Bad("it is of another domain or day".to_owned()));
        }
        let file = Arc::new(file);
        let weight = file.memory_bytes() + row.path.len();
        let opened = Arc::clone(&file);
        self.open.lock().insert(row.path.clone(), opened, weight);
        Ok((file, source))
    }

    /// As [`Self::open`], reading the directory of the file from the disk.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn open_anew(
        &self,
        blobs: &dyn Blobs,
        row: &IndexFileRow,
    ) -> Result<(Arc<IndexFile>, IndexSource), Unopened> {
        self.open.lock().remove(&row.path);
        self.open(blobs, row)
    }

    /// Leaves a file out until it is made anew, and has that done.
    pub(crate) fn note_bad(&self, path: &str, why: &str) {
        if self.bad.lock().insert(path.to_owned()) {
            tracing::warn!(
                path,
                why,
                "a file of the search index does not answer: its events are read line by line until it is made anew"
            );
        }
    }

    /// Returns the files that are left out.
    pub(crate) fn bad(&self) -> HashSet<String> {
        self.bad.lock().clone()
    }

    /// Forgets that these files were left out: they are gone.
    pub(crate) fn forget_bad(&self, paths: &[String]) {
        let mut bad = self.bad.lock();
        for path in paths {
            bad.remove(path);
        }
    }
}
