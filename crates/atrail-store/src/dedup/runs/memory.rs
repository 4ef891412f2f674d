//! Runs in memory, for tests.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use atrail_disk::Reader;
use bytes::Bytes;
use parking_lot::Mutex;

use super::{Runs, WriteAt, Writing};

/// Runs in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryRuns(Arc<Mutex<BTreeMap<String, Bytes>>>);

impl MemoryRuns {
    /// Returns a new one with a copy of the present contents.
    pub(crate) fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().clone())))
    }
}

impl Runs for MemoryRuns {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().keys().cloned().collect())
    }

    fn add(&self, name: &str, write: Writing<'_>) -> io::Result<()> {
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        self.0.lock().insert(name.to_owned(), bytes.into());
        Ok(())
    }

    fn open(&self, name: &str) -> io::Result<Reader> {
        let runs = self.0.lock();
        let bytes = runs.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Reader::of_memory(name, bytes.clone(), 0))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().remove(name);
        Ok(())
    }
}

impl WriteAt for Vec<u8> {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let to = from + bytes.len();
        self.resize(self.len().max(to), 0);
        self[from..to].copy_from_slice(bytes);
        Ok(())
    }
}
