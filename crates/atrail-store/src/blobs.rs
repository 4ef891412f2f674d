//! Immutable bytes: objects are put once, read in parts, and deleted.
//!
//! Durability: when `put` returns `Ok`, the object and its place in the listing survive a crash of process and machine.
//! An object that is being put is not seen under its path before it is whole.

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};

use crate::durable::{self, FileId};
use crate::error::{Result, StoreError};

/// Bytes that are read and hashed at once.
const HASHED_AT_ONCE: u64 = 256 << 10;

/// The objects of a store.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    objects: Arc<dyn ObjectStore>,
    /// Where the objects are files, if they are.
    dir: Option<Arc<FsPath>>,
}

/// An object open for reading: of a local file the bytes stay readable even if the object is deleted meanwhile.
#[derive(Debug, Clone)]
pub(crate) enum Reader {
    Local {
        file: Arc<File>,
        path: Arc<str>,
        stamp: Stamp,
    },
    Remote {
        objects: Arc<dyn ObjectStore>,
        path: Arc<str>,
        stamp: Stamp,
    },
}

/// By what a change of an object's bytes shows without reading them: every write through the file system, for the time of a
/// file's last change cannot be set by hand; not what a disk does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size_bytes: u64,
    modified_nanos: Option<i64>,
    /// Which file it is, and when its bytes, mode or name changed last, in seconds and nanoseconds. Not known of remote objects.
    file: Option<(FileId, i64, i64)>,
}

impl Stamp {
    /// Of a file that is open.
    pub(crate) fn of(file: &File) -> std::io::Result<Self> {
        let metadata = file.metadata()?;
        let since = metadata
            .modified()?
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok();
        let id = FileId::of(&metadata);
        Ok(Self {
            size_bytes: metadata.len(),
            modified_nanos: since.and_then(|since| i64::try_from(since.as_nanos()).ok()),
            file: Some((id, metadata.ctime(), metadata.ctime_nsec())),
        })
    }
}

impl Blobs {
    /// Objects as files below a directory, which is made when it is not there.
    pub(crate) fn local(dir: &FsPath) -> Result<Self> {
        durable::create_dir(dir).map_err(|source| StoreError::Directory {
            what: format!("cannot make the archive directory {}", dir.display()),
            source,
        })?;
        let local = LocalFileSystem::new_with_prefix(dir)
            .map_err(failed_to(|| format!("open {}", dir.display())))?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Self {
            objects: Arc::new(local),
            dir: Some(Arc::from(dir)),
        })
    }

    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        Self {
            objects: Arc::new(object_store::memory::InMemory::new()),
            dir: None,
        }
    }

    /// Puts an object where none is.
    pub(crate) async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        match self.objects.put(&Path::from(path), bytes.into()).await {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(full_disk(&error)
                    .unwrap_or_else(|| failed_to(|| format!("write {path}"))(error)))
            }
        }
    }

    /// Opens an object; `NotFound` when there is none.
    pub(crate) async fn open(&self, path: &str) -> Result<Reader> {
        let result = self
            .objects
            .get(&Path::from(path))
            .await
            .map_err(|error| match error {
                object_store::Error::NotFound { .. } => StoreError::NotFound {
                    what: format!("object {path}"),
                },
                other => failed_to(|| format!("open {path}"))(other),
            })?;
        let path: Arc<str> = Arc::from(path);
        Ok(match result.payload {
            GetResultPayload::File(file, _) => Reader::Local {
                stamp: Stamp::of(&file).map_err(|error| unreadable(&path, &error))?,
                file: Arc::new(file),
                path,
            },
            GetResultPayload::Stream(_) => Reader::Remote {
                objects: Arc::clone(&self.objects),
                path,
                stamp: Stamp {
                    size_bytes: result.meta.size,
                    modified_nanos: result.meta.last_modified.timestamp_nanos_opt(),
                    file: None,
                },
            },
        })
    }

    /// Opens an object in the calling thread, where objects are files; `None` where they are not.
    pub(crate) fn open_file(&self, path: &str) -> Option<std::io::Result<File>> {
        let dir = self.dir.as_ref()?;
        Some(File::open(dir.join(path)))
    }

    /// Deletes an object, and what a crash may have left of writing it; one that is not there is deleted already.
    pub(crate) async fn delete(&self, path: &str) -> Result<()> {
        if let Some(dir) = &self.dir {
            // The object store writes to `PATH#1`, and gives it its name when it is whole.
            let unfinished = dir.join(format!("{path}#1"));
            durable::remove_if_there(&unfinished).map_err(|source| StoreError::Directory {
                what: format!("cannot remove {}", unfinished.display()),
                source,
            })?;
        }
        match self.objects.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed_to(|| format!("delete {path}"))(error)),
        }
    }
}

impl Blobs {
    /// Makes the directories that lead to these objects durable. (The object store syncs those that it makes, but not those
    /// that it finds: an earlier put may have made them and failed, or died, before it synced them.)
    pub(crate) async fn sync_places(&self, paths: &[String]) -> Result<()> {
        let Some(dir) = self.dir.clone() else {
            return Ok(());
        };
        let mut above = BTreeSet::new();
        for path in paths {
            let place = dir.join(path);
            // The object's own directory was synced when it got its name.
            let dirs = place.ancestors().skip(2);
            above.extend(
                dirs.take_while(|d| d.starts_with(&*dir))
                    .map(FsPath::to_path_buf),
            );
        }
        let synced = tokio::task::spawn_blocking(move || {
            above.iter().try_for_each(|dir| durable::sync_dir(dir))
        });
        synced
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
            .map_err(|source| StoreError::Directory {
                what: "cannot sync a directory of the archive".to_owned(),
                source,
            })
    }

    /// Makes deletions durable: after power loss these objects do not come back. (The object store syncs what it writes,
    /// not what it deletes.)
    pub(crate) async fn sync_deletions(&self, paths: &[String]) -> Result<()> {
        let Some(dir) = self.dir.clone() else {
            return Ok(());
        };
        let changed: BTreeSet<_> = paths
            .iter()
            .filter_map(|path| nearest_dir(&dir, path))
            .collect();
        let synced = tokio::task::spawn_blocking(move || {
            changed
                .iter()
                .try_for_each(|dir| match durable::sync_dir(dir) {
                    // Gone since: then its parent was changed by whoever removed it, and is synced by them.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                    other => other,
                })
        });
        synced
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)))
            .map_err(|source| StoreError::Directory {
                what: "cannot sync a directory of the archive".to_owned(),
                source,
            })
    }
}

/// The directory nearest to where an object was that is still there: emptied ones are removed.
fn nearest_dir(root: &FsPath, path: &str) -> Option<PathBuf> {
    let place = root.join(path);
    place
        .ancestors()
        .skip(1)
        .find(|dir| dir.is_dir())
        .map(FsPath::to_path_buf)
}

impl Reader {
    /// What the object looked like when it was opened.
    pub(crate) const fn stamp(&self) -> Stamp {
        match self {
            Self::Local { stamp, .. } | Self::Remote { stamp, .. } => *stamp,
        }
    }

    /// The SHA-256 of all its bytes, in bounded memory.
    pub(crate) async fn sha256(&self) -> Result<[u8; 32]> {
        let end = self.stamp().size_bytes;
        if let Self::Local { file, path, .. } = self {
            let (file, path) = (Arc::clone(file), Arc::clone(path));
            let hashed = tokio::task::spawn_blocking(move || hash_file(&file, end));
            return hashed
                .await
                .unwrap_or_else(|error| Err(std::io::Error::other(error)))
                .map_err(|source| unreadable(&path, &source));
        }
        let mut hasher = Sha256::new();
        let mut at = 0;
        while at < end {
            let next = end.min(at + HASHED_AT_ONCE);
            hasher.update(self.read(at..next).await?);
            at = next;
        }
        Ok(hasher.finalize().into())
    }

    /// The bytes of a range; fewer bytes than asked for are an error.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        match self {
            Self::Local { file, path, .. } => {
                let (file, path) = (Arc::clone(file), Arc::clone(path));
                let read = tokio::task::spawn_blocking(move || read_file(&file, range));
                read.await
                    .unwrap_or_else(|error| Err(std::io::Error::other(error)))
                    .map_err(|source| unreadable(&path, &source))
            }
            Self::Remote { objects, path, .. } => objects
                .get_range(&Path::from(&**path), range)
                .await
                .map_err(failed_to(|| format!("read {path}"))),
        }
    }
}

fn unreadable(path: &str, source: &std::io::Error) -> StoreError {
    StoreError::Damaged {
        what: format!("object {path}"),
        why: source.to_string(),
    }
}

pub(crate) fn hash_file(file: &File, end: u64) -> std::io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    let mut at = 0;
    while at < end {
        let next = end.min(at + HASHED_AT_ONCE);
        hasher.update(read_file(file, at..next)?);
        at = next;
    }
    Ok(hasher.finalize().into())
}

fn read_file(file: &File, range: Range<u64>) -> std::io::Result<Bytes> {
    let len = usize::try_from(range.end - range.start).map_err(std::io::Error::other)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes.into())
}

fn failed_to(what: impl FnOnce() -> String) -> impl FnOnce(object_store::Error) -> StoreError {
    move |source| StoreError::Objects {
        what: what(),
        source,
    }
}

/// Finds "no space left" in an error's chain: that is a refusal, not damage.
fn full_disk(error: &object_store::Error) -> Option<StoreError> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind::{QuotaExceeded, StorageFull};
            return matches!(io.kind(), StorageFull | QuotaExceeded)
                .then(|| StoreError::Full(io.kind().into()));
        }
        next = cause.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every implementation must do.
    async fn conforms(blobs: Blobs) {
        let path = "domain=space-x/date=2017-07-24/hour=07/a.ndjson.gz";
        assert!(matches!(
            blobs.open(path).await,
            Err(StoreError::NotFound { .. })
        ));
        blobs
            .put(path, Bytes::from_static(b"0123456789"))
            .await
            .unwrap();
        let reader = blobs.open(path).await.unwrap();
        assert_eq!(reader.read(0..10).await.unwrap(), "0123456789");
        assert_eq!(reader.read(3..5).await.unwrap(), "34");
        if let Some(opened) = blobs.open_file(path) {
            assert_eq!(Stamp::of(&opened.unwrap()).unwrap(), reader.stamp());
            assert!(blobs.open_file("elsewhere").unwrap().is_err());
        }
        assert!(reader.read(8..12).await.is_err() || reader.read(8..12).await.unwrap().len() < 4);
        blobs.delete(path).await.unwrap();
        blobs.delete(path).await.unwrap();
        blobs.sync_deletions(&[path.to_owned()]).await.unwrap();
        assert!(matches!(
            blobs.open(path).await,
            Err(StoreError::NotFound { .. })
        ));
    }

    #[tokio::test]
    async fn files_conform() {
        let dir = tempfile::tempdir().unwrap();
        conforms(Blobs::local(&dir.path().join("archive")).unwrap()).await;
        let left: Vec<_> = std::fs::read_dir(dir.path().join("archive"))
            .unwrap()
            .collect();
        assert!(left.is_empty(), "empty directories are removed: {left:?}");
    }

    #[tokio::test]
    async fn memory_conforms() {
        conforms(Blobs::in_memory()).await;
    }
}
