//! Objects as files below a directory.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use atrail_disk::{Reader, Result, StoreError, durable, list, off_thread};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectStoreExt};

use super::{Blobs, Expected};

/// Objects as files below a directory.
#[derive(Debug)]
pub struct LocalBlobs {
    files: LocalFileSystem,
    dir: Arc<FsPath>,
}

impl LocalBlobs {
    /// Opens a directory, and creates it when it does not exist.
    pub fn open(dir: &FsPath) -> Result<Self> {
        durable::create_dir(dir).map_err(|source| StoreError::Directory {
            what: format!("cannot make the archive directory {}", dir.display()),
            source,
        })?;
        let files = LocalFileSystem::new_with_prefix(dir)
            .map_err(failed_to(|| format!("open {}", dir.display())))?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        let dir = Arc::from(dir);
        Ok(Self { files, dir })
    }
}

impl Blobs for LocalBlobs {
    fn put<'a>(&'a self, path: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<()>> {
        async move {
            let written = self.files.put(&Path::from(path), bytes.into()).await;
            written.map(drop).map_err(|error| {
                full_disk(&error).unwrap_or_else(|| failed_to(|| format!("write {path}"))(error))
            })
        }
        .boxed()
    }

    /// (The object store syncs the directories that it creates, but not those that it finds: an earlier put may have
    /// created them, and failed or died before it synced them.)
    fn settle<'a>(&'a self, paths: &'a [String]) -> BoxFuture<'a, Result<()>> {
        let mut above = BTreeSet::new();
        for path in paths {
            let place = self.dir.join(path);
            // The object's own directory was synced when the object got its name.
            let dirs = place.ancestors().skip(2);
            above.extend(
                dirs.take_while(|dir| dir.starts_with(&*self.dir))
                    .map(FsPath::to_path_buf),
            );
        }
        sync(move || above.iter().try_for_each(|dir| durable::sync_dir(dir))).boxed()
    }

    fn open<'a>(&'a self, path: &'a str, _: Option<Expected>) -> BoxFuture<'a, Result<Reader>> {
        async move {
            let opened = self.files.get(&Path::from(path)).await;
            let opened = opened.map_err(|error| match error {
                object_store::Error::NotFound { .. } => StoreError::NotFound {
                    what: format!("object {path}"),
                },
                other => failed_to(|| format!("open {path}"))(other),
            })?;
            match opened.payload {
                GetResultPayload::File(file, _) => Ok(Reader::of_file(path, file)),
                GetResultPayload::Stream(_) => Err(StoreError::Damaged {
                    what: format!("object {path}"),
                    why: "it is no file".to_owned(),
                }),
            }
        }
        .boxed()
    }

    fn open_near(&self, path: &str) -> Option<io::Result<Reader>> {
        Some(File::open(self.dir.join(path)).map(|file| Reader::of_file(path, file)))
    }

    /// (There are no copies.)
    fn distrust(&self, _: &str) -> bool {
        false
    }

    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            // The object store writes to `PATH#1`, and renames the file when it is complete.
            let unfinished = self.dir.join(format!("{path}#1"));
            durable::remove_if_there(&unfinished).map_err(|source| StoreError::Directory {
                what: format!("cannot remove {}", unfinished.display()),
                source,
            })?;
            match self.files.delete(&Path::from(path)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(failed_to(|| format!("delete {path}"))(error)),
            }
        }
        .boxed()
    }

    /// (The object store syncs its writes, but not its deletions.)
    fn settle_deletions<'a>(&'a self, paths: &'a [String]) -> BoxFuture<'a, Result<()>> {
        let changed = paths.iter().filter_map(|path| nearest_dir(&self.dir, path));
        let changed: BTreeSet<_> = changed.collect();
        sync(move || {
            changed
                .iter()
                .try_for_each(|dir| match durable::sync_dir(dir) {
                    // The directory is gone: its remover changed the parent directory, and syncs that.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    other => other,
                })
        })
        .boxed()
    }

    fn list<'a>(&'a self, below: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        async move {
            let mut paths = Vec::new();
            let mut dirs = vec![self.dir.join(below)];
            while let Some(dir) = dirs.pop() {
                let (files, inner) = list(dir).await?;
                dirs.extend(inner);
                let below = files
                    .iter()
                    .filter_map(|file| file.strip_prefix(&self.dir).ok());
                // The name of an unfinished write has a number after it.
                let names = below.map(|path| path.to_string_lossy().into_owned());
                paths.extend(names.filter(|name| !name.contains('#')));
            }
            paths.sort_unstable();
            Ok(paths)
        }
        .boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        let dir = Arc::clone(&self.dir);
        sync(move || {
            for entry in std::fs::read_dir(&dir)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    std::fs::remove_dir_all(entry.path())?;
                } else {
                    std::fs::remove_file(entry.path())?;
                }
            }
            durable::sync_dir(&dir)
        })
        .boxed()
    }
}

async fn sync(dirs: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<()> {
    off_thread(move || {
        dirs().map_err(|source| StoreError::Directory {
            what: "cannot sync a directory of the archive".to_owned(),
            source,
        })
    })
    .await
}

/// Returns the nearest directory above an object's place that still exists: emptied ones are removed.
fn nearest_dir(root: &FsPath, path: &str) -> Option<PathBuf> {
    let place = root.join(path);
    place
        .ancestors()
        .skip(1)
        .find(|dir| dir.is_dir())
        .map(FsPath::to_path_buf)
}

fn failed_to(what: impl FnOnce() -> String) -> impl FnOnce(object_store::Error) -> StoreError {
    move |source| StoreError::Objects {
        what: what(),
        source: Box::new(source),
    }
}

/// Finds "no space left" in an error's chain: then the disk refused, and nothing is damaged.
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
