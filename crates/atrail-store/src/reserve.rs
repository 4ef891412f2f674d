//! Space that is set aside, so that a full disk refuses new events and still lets people read, delete and log in: the
//! catalog writes for all of these.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::durable::{self, AllocatedFile};

/// Room to seal what may be unsealed, compressed, and for many of the catalog's transactions.
const SIZE_BYTES: u64 = 64 << 20;

/// A file that is there to be removed when the disk is full.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    is_held: AtomicBool,
}

impl Reserve {
    /// Sets the space aside in the directory if it is to be had.
    pub(crate) fn new(dir: &Path) -> Self {
        let reserve = Self {
            path: dir.join("reserve"),
            is_held: AtomicBool::new(false),
        };
        if !reserve.restore(0) {
            tracing::warn!("the disk has no space to set aside: make room");
        }
        reserve
    }

    /// Gives the space to whoever writes next. `false` when it is given away already.
    pub(crate) fn release(&self) -> bool {
        if !self.is_held.swap(false, Ordering::Relaxed) {
            return false;
        }
        tracing::warn!("the disk is full: events are refused until there is space again");
        match durable::remove(&self.path) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the space that was set aside could not be given back");
                false
            }
        }
    }

    /// Sets the space aside again when so much more is free: else it would be given away in a moment. `false` when it
    /// is not.
    pub(crate) fn restore(&self, more_bytes: u64) -> bool {
        if self.is_held.load(Ordering::Relaxed) {
            return true;
        }
        let is_there = std::fs::metadata(&self.path).is_ok_and(|file| file.len() == SIZE_BYTES);
        let restored = is_there || self.allocate(more_bytes).is_ok();
        self.is_held.store(restored, Ordering::Relaxed);
        restored
    }

    fn allocate(&self, more_bytes: u64) -> std::io::Result<()> {
        let probe = self.path.with_extension("probe");
        for left_by_a_crash in [&self.path, &probe] {
            if left_by_a_crash.exists() {
                durable::remove(left_by_a_crash)?;
            }
        }
        if more_bytes > 0 {
            AllocatedFile::create(&probe, SIZE_BYTES + more_bytes)?;
            durable::remove(&probe)?;
        }
        AllocatedFile::create(&self.path, SIZE_BYTES).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_given_away_once_and_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path());
        let size = || std::fs::metadata(dir.path().join("reserve")).map(|file| file.len());
        assert_eq!(size().unwrap(), SIZE_BYTES);
        assert!(reserve.release() && !reserve.release());
        assert!(size().is_err());
        std::fs::write(dir.path().join("reserve"), b"cut short").unwrap();
        assert!(reserve.restore(1 << 20));
        assert_eq!(size().unwrap(), SIZE_BYTES);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(Reserve::new(dir.path()).release(), "after a restart");
    }
}
