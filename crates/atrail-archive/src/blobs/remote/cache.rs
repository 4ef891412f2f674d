//! Copies of objects in a directory of this machine. Whoever erases them loses nothing: what is missing is fetched again.
//!
//! A copy is written under another name, and renamed when it is whole. Nothing is synced: a machine that went down may
//! have left torn copies, so the cache begins empty after each start of the machine.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_disk::{DirLock, Result, StoreError, durable, io_failure, off_thread};
use atrail_model::ObjectId;
use atrail_model::Recent;
use bytes::Bytes;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::Expected;

/// The directory of the copies, below the cache's own.
const COPIES: &str = "copies";
/// The file that names the start of the machine since which the copies are written.
const BOOT: &str = "boot";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const UNFINISHED: &str = ".part";

/// A directory of copies.
#[derive(Debug)]
pub(super) struct Cache {
    dir: PathBuf,
    /// The names of the copies, with their lengths.
    copies: Mutex<Recent<String, ()>>,
    max_bytes: usize,
    _lock: DirLock,
}

/// A copy that has no name yet. It is removed with the value.
#[derive(Debug)]
pub(super) struct Part {
    cache: Arc<Cache>,
    name: String,
    path: PathBuf,
    file: File,
    size_bytes: u64,
    hasher: Sha256,
}

impl Cache {
    pub(super) fn open(dir: &Path, max_bytes: u64) -> Result<Self> {
        durable::create_dir(dir)
            .and_then(|()| durable::make_private(dir))
            .map_err(io_failure("make the cache directory", dir))?;
        let lock = DirLock::acquire(dir).map_err(io_failure("lock the cache directory", dir))?;
        let lock = lock.ok_or_else(|| {
            StoreError::Conflict(format!(
                "another atrail server uses the cache directory {}: each needs its own",
                dir.display()
            ))
        })?;
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let cache = Self {
            dir: dir.join(COPIES),
            copies: Mutex::new(Recent::new(max_bytes)),
            max_bytes,
            _lock: lock,
        };
        cache
            .find_copies(&dir.join(BOOT))
            .map_err(io_failure("use the cache directory", dir))?;
        Ok(cache)
    }

    fn find_copies(&self, boot: &Path) -> io::Result<()> {
        let this = std::fs::read(BOOT_ID).unwrap_or_default();
        let is_same = !this.is_empty() && std::fs::read(boot).is_ok_and(|last| last == this);
        if !is_same {
            match std::fs::remove_dir_all(&self.dir) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            std::fs::write(boot, this)?;
        }
        std::fs::create_dir_all(&self.dir)?;
        let mut found = Vec::new();
        for dir in std::fs::read_dir(&self.dir)? {
            for file in std::fs::read_dir(dir?.path())? {
                let file = file?;
                let name = file.file_name().to_string_lossy().into_owned();
                if name.ends_with(UNFINISHED) {
                    std::fs::remove_file(file.path())?;
                    continue;
                }
                let metadata = file.metadata()?;
                found.push((metadata.modified()?, name, metadata.len()));
            }
        }
        found.sort_unstable();
        for (_, name, size_bytes) in found {
            self.note(name, size_bytes);
        }
        Ok(())
    }

    fn place(&self, name: &str) -> PathBuf {
        self.dir.join(&name[..2]).join(name)
    }

    /// Notes a copy, and removes those that were not used for longest, or itself when it alone is too much.
    fn note(&self, name: String, size_bytes: u64) {
        let weight = usize::try_from(size_bytes).unwrap_or(usize::MAX);
        let mut copies = self.copies.lock();
        for gone in copies.insert_evicting(name, (), weight) {
            // (One that cannot be removed is found by the next start.)
            let _ = std::fs::remove_file(self.place(&gone));
        }
    }

    /// Returns the copy of an object, if there is one.
    pub(super) fn get(&self, key: &str) -> Option<File> {
        let name = name_of(key);
        self.copies.lock().get(&name)?;
        match File::open(self.place(&name)) {
            Ok(file) => Some(file),
            Err(_) => {
                // Somebody erased it.
                self.copies.lock().remove(&name);
                None
            }
        }
    }

    /// Removes the copy of an object; reports whether there was one.
    pub(super) fn forget(&self, key: &str) -> bool {
        let name = name_of(key);
        self.copies.lock().remove(&name);
        std::fs::remove_file(self.place(&name)).is_ok()
    }

    /// Removes all copies.
    pub(super) fn clear(&self) -> Result<()> {
        let mut copies = self.copies.lock();
        match std::fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_failure("empty the cache directory", &self.dir)(error));
            }
            _ => {}
        }
        *copies = Recent::new(self.max_bytes);
        std::fs::create_dir_all(&self.dir).map_err(io_failure("make", &self.dir))
    }

    /// Keeps the bytes of a new object.
    pub(super) fn keep(self: &Arc<Self>, key: &str, bytes: &[u8]) -> Result<()> {
        let mut part = Part::new(self, key).map_err(io_failure("write into", &self.dir))?;
        part.append(bytes)
            .map_err(io_failure("write into", &self.dir))?;
        part.keep().map(drop)
    }

    pub(super) async fn part(self: &Arc<Self>, key: &str) -> Result<Part> {
        let (cache, key) = (Arc::clone(self), key.to_owned());
        off_thread(move || Part::new(&cache, &key).map_err(io_failure("write into", &cache.dir)))
            .await
    }
}

impl Part {
    fn new(cache: &Arc<Cache>, key: &str) -> io::Result<Self> {
        let name = name_of(key);
        let path = cache.place(&format!("{name}.{}{UNFINISHED}", ObjectId::generate()));
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok(Self {
            cache: Arc::clone(cache),
            name,
            path,
            file,
            size_bytes: 0,
            hasher: Sha256::new(),
        })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Appends bytes, on another thread.
    pub(super) async fn write(mut self, bytes: Vec<Bytes>) -> Result<Self> {
        off_thread(move || {
            let written = bytes.iter().try_for_each(|bytes| self.append(bytes));
            written.map_err(io_failure("write into", &self.cache.dir))?;
            Ok(self)
        })
        .await
    }

    /// Reports whether it has the expected bytes.
    pub(super) fn is_as(&self, expected: Option<Expected>) -> bool {
        expected.is_none_or(|expected| {
            let sha256: [u8; 32] = self.hasher.clone().finalize().into();
            (self.size_bytes, sha256) == (expected.size_bytes, expected.sha256)
        })
    }

    /// Gives it its name, and returns its file.
    pub(super) fn keep(self) -> Result<File> {
        let place = self.cache.place(&self.name);
        let renamed = std::fs::rename(&self.path, place);
        renamed.map_err(io_failure("write into", &self.cache.dir))?;
        self.cache.note(self.name.clone(), self.size_bytes);
        self.reopened()
    }

    /// Returns its file, which nobody else finds.
    pub(super) fn lose(self) -> Result<File> {
        self.reopened()
    }

    fn reopened(&self) -> Result<File> {
        let file = self.file.try_clone();
        file.map_err(io_failure("read from", &self.cache.dir))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It has another name by now, if it was kept.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Returns the name of an object's copy. Paths of objects have more parts than a cache needs.
fn name_of(key: &str) -> String {
    let hash = Sha256::digest(key.as_bytes());
    hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
