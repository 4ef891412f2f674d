//! The lock of a directory.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::data_dir::{LOCK, LOG};
use crate::durable::make_private;
use crate::file_id::is_at;

/// The sole right to a directory as long as the value lives: an advisory lock that the kernel releases with the
/// process.
#[derive(Debug)]
pub struct DirLock {
    held: Vec<File>,
}

/// The locked parts of a directory. Somebody may mistake the file for a leftover and remove it; the log's directory is
/// locked as well, so that a second server cannot start then. Neither is accessible to other users, who could hold the
/// lock.
const LOCKED: [&str; 2] = [LOCK, LOG];

impl DirLock {
    /// Reports whether another process has the lock, without creating anything.
    pub fn is_held(dir: &Path) -> io::Result<bool> {
        for name in LOCKED {
            let file = match File::open(dir.join(name)) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            // A shared lock, so that two checks do not affect each other; it ends with the file at once.
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Acquires the lock; returns `None` when another process has it. It locks the log's directory if that exists; a
    /// caller that creates the directory afterwards calls [`Self::cover`].
    pub fn acquire(dir: &Path) -> io::Result<Option<Self>> {
        let path = dir.join(LOCK);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)?;
        make_private(&path)?;
        let mut lock = Self { held: Vec::new() };
        if !lock.take(file)? || !is_at(&lock.held[0], &path)? {
            return Ok(None);
        }
        Ok(lock.cover(dir)?.then_some(lock))
    }

    /// Locks the log's directory too, if it exists; returns `false` when another process has it.
    pub fn cover(&mut self, dir: &Path) -> io::Result<bool> {
        let log = dir.join(LOG);
        if !log.is_dir() {
            return Ok(true);
        }
        make_private(&log)?;
        for held in &self.held {
            if is_at(held, &log)? {
                return Ok(true);
            }
        }
        self.take(File::open(log)?)
    }

    fn take(&mut self, file: File) -> io::Result<bool> {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                self.held.push(file);
                Ok(true)
            }
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
