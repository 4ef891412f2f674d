//! A directory as the storage of the suite's journals.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use atrail_disk::{Reserve, Result};
use atrail_model::Domain;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::super::{RECENT_BYTES, SEAL_AT_BYTES};
use super::{Bed, clock};
use crate::journal::Journal;
use crate::journal::local::{LocalJournal, NewJournal, recover_log};
use crate::journal::memory::Failure;
use crate::log::{AppendError, Eraser, FileWal, Frame, Replay, Wal};

/// A directory whose disk fails on demand.
pub(crate) struct Directory {
    dir: tempfile::TempDir,
    failure: Arc<Mutex<Option<Failure>>>,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            failure: Arc::default(),
        }
    }
}

impl Bed for Directory {
    fn open<'a>(&'a self, sealed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Arc<dyn Journal>> {
        async move {
            let new = NewJournal {
                dir: self.dir.path().join("wal"),
                // Small enough that the log begins many files.
                file_size_bytes: 2000,
                seal_at_bytes: SEAL_AT_BYTES,
                recent_bytes: RECENT_BYTES,
                clock: clock(),
                counters: Arc::default(),
            };
            let replay = Replay::read(&new.dir).unwrap();
            let reserve = Arc::new(Reserve::new(self.dir.path(), 0));
            let log = recover_log(&new, replay, sealed_to, &reserve)
                .await
                .unwrap();
            let failure = Arc::clone(&self.failure);
            let log = log.map(|inner| Box::new(FailingWal { inner, failure }) as Box<dyn Wal>);
            let journal: Arc<dyn Journal> = Arc::new(LocalJournal::start(log, new).unwrap());
            journal
        }
        .boxed()
    }

    fn fail(&self, failure: Option<Failure>) {
        *self.failure.lock() = failure;
    }

    fn holds(&self, bytes: &[u8]) -> bool {
        let mut files = std::fs::read_dir(self.dir.path().join("wal")).unwrap();
        files.any(|file| {
            let held = std::fs::read(file.unwrap().path()).unwrap();
            memchr::memmem::find(&held, bytes).is_some()
        })
    }
}

struct FailingWal {
    inner: FileWal,
    failure: Arc<Mutex<Option<Failure>>>,
}

impl Wal for FailingWal {
    fn append(&mut self, frames: &[Frame]) -> Result<(), AppendError> {
        let failure = *self.failure.lock();
        match failure {
            Some(Failure::Full) => Err(AppendError::Full(io::ErrorKind::StorageFull.into())),
            Some(Failure::Broken { is_kept }) => {
                *self.failure.lock() = None;
                if is_kept {
                    self.inner.append(frames)?;
                }
                Err(AppendError::Broken(io::Error::other("planted")))
            }
            None => self.inner.append(frames),
        }
    }

    fn rotate(&mut self, even_small: bool) -> Result<(), AppendError> {
        match *self.failure.lock() {
            Some(Failure::Full) if !even_small => {
                Err(AppendError::Full(io::ErrorKind::StorageFull.into()))
            }
            _ => self.inner.rotate(even_small),
        }
    }

    fn trim(&mut self, floor: u64) -> io::Result<()> {
        self.inner.trim(floor)
    }

    fn part_with(&mut self, domains: &HashSet<Domain>) -> Result<Eraser, AppendError> {
        self.inner.part_with(domains)
    }
}
