//! The reserve: space that is set aside, so that a full disk refuses new events and still lets users read, delete and
//! log in: the catalog writes for all of these.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::durable;
use crate::error::StoreError;
use crate::growing::AllocatedFile;
use crate::space::{self, free_bytes};

/// A file that is removed when the disk is full. Its methods may wait for the disk.
#[derive(Debug)]
pub struct Reserve {
    /// `None` where nothing can be set aside, because the store uses no disk.
    path: Option<PathBuf>,
    size_bytes: u64,
    /// Whether the space is set aside now.
    is_held: Mutex<bool>,
    /// How often it was released.
    releases: AtomicU64,
}

impl Reserve {
    /// Sets the space aside in the directory if the disk has it.
    pub fn new(dir: &Path, size_bytes: u64) -> Self {
        let reserve = Self {
            path: Some(dir.join("reserve")),
            size_bytes,
            is_held: Mutex::default(),
            releases: AtomicU64::default(),
        };
        if !reserve.restore(0) {
            tracing::warn!("the disk has no space to set aside: make room");
        }
        reserve
    }

    /// Sets nothing aside: for a store that uses no disk.
    pub fn none() -> Self {
        Self {
            path: None,
            size_bytes: 0,
            is_held: Mutex::default(),
            releases: AtomicU64::default(),
        }
    }

    /// Returns the error; marks it as lack of space when the disk has none. (SQLite reports of some failed writes and
    /// syncs only that they failed.)
    pub fn explain(&self, error: StoreError) -> StoreError {
        match self.path.as_deref().and_then(Path::parent) {
            Some(dir) => space::explain(error, dir),
            None => error,
        }
    }

    /// Returns how often the space was released. A caller reads it before work that may need the space.
    pub fn releases(&self) -> u64 {
        self.releases.load(Ordering::Acquire)
    }

    /// Releases the space for the next write. Returns `false` when it is already released.
    pub fn release(&self) -> bool {
        let mut is_held = self.is_held.lock();
        if !std::mem::take(&mut *is_held) {
            return false;
        }
        tracing::warn!("the disk is full: events are refused until there is space again");
        let Some(path) = &self.path else { return false };
        match durable::remove(path) {
            Ok(()) => {
                self.releases.fetch_add(1, Ordering::Release);
                true
            }
            Err(error) => {
                tracing::error!(%error, "the space that is set aside could not be released");
                false
            }
        }
    }

    /// As [`Self::release`], for a caller that read this number of releases before it found the disk full. Returns
    /// `true` also when another caller, which found the disk full too, has released the space since.
    pub fn release_since(&self, releases: u64) -> bool {
        self.releases() > releases || self.release() || self.releases() > releases
    }

    /// Sets the space aside again when this much more is free: otherwise it would be released again at once. Returns
    /// `false` when the disk does not have it.
    pub fn restore(&self, more_bytes: u64) -> bool {
        let Some(path) = &self.path else { return true };
        let mut is_held = self.is_held.lock();
        if !*is_held {
            let file = std::fs::metadata(path);
            let is_there = file.is_ok_and(|file| file.len() == self.size_bytes);
            *is_held = is_there || self.allocate(path, more_bytes).is_ok();
        }
        *is_held
    }

    fn allocate(&self, path: &Path, more_bytes: u64) -> std::io::Result<()> {
        let probe = path.with_extension("probe");
        for left_by_a_crash in [path, &probe] {
            if left_by_a_crash.exists() {
                durable::remove(left_by_a_crash)?;
            }
        }
        // An attempt briefly takes space that others may need, so it is made only where it may succeed.
        let wanted = self.size_bytes + more_bytes;
        if path.parent().map_or(Ok(wanted), free_bytes)? < wanted {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        if more_bytes > 0 {
            AllocatedFile::create(&probe, wanted)?;
            durable::remove(&probe)?;
        }
        AllocatedFile::create(path, self.size_bytes).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE_BYTES: u64 = 1 << 20;

    #[test]
    fn it_is_given_away_once_and_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path(), SIZE_BYTES);
        let size = || std::fs::metadata(dir.path().join("reserve")).map(|file| file.len());
        assert_eq!(size().unwrap(), SIZE_BYTES);
        assert!(reserve.release() && !reserve.release());
        assert!(size().is_err());
        std::fs::write(dir.path().join("reserve"), b"cut short").unwrap();
        assert!(reserve.restore(1 << 20));
        assert_eq!(size().unwrap(), SIZE_BYTES);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(
            Reserve::new(dir.path(), SIZE_BYTES).release(),
            "after a restart"
        );
    }

    #[test]
    fn who_finds_the_disk_full_at_the_same_time_tries_again_too() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path(), SIZE_BYTES);
        let before = reserve.releases();
        let both = [(); 2].map(|()| reserve.release_since(before));
        assert_eq!(both, [true, true]);
        let after = reserve.releases();
        assert!(!reserve.release_since(after), "and not for ever");
        assert!(reserve.restore(0) && reserve.release_since(after));
    }

    #[test]
    fn nothing_is_taken_where_there_is_not_enough() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path(), SIZE_BYTES);
        assert!(reserve.release());
        let free = free_bytes(dir.path()).unwrap();
        assert!(!reserve.restore(2 * free));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
