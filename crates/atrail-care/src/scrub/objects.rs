//! Where a scrub finds objects: files below the data directory, or a bucket. It reads a bucket itself, and no copies of
//! it, and keeps none.

use std::fs::File;
use std::path::{Path, PathBuf};

use atrail_archive::BucketAddress;
use atrail_disk::data_dir::{ARCHIVE, ARCHIVE_HOME, INDEX};
use atrail_disk::{Reader, Result, StoreError, list};

use super::ScrubOptions;

/// One of the two places, such as that of the archive.
#[derive(Debug)]
pub(super) enum Objects {
    /// A directory.
    Files(PathBuf),
    /// A directory of a bucket.
    #[cfg(feature = "cluster")]
    Bucket(Box<atrail_archive::RemoteBlobs>),
}

/// The places of a data directory. They end with the value.
pub(super) struct Places {
    pub(super) archive: std::sync::Arc<Objects>,
    pub(super) index: std::sync::Arc<Objects>,
    /// Objects of a bucket pass through it.
    #[cfg(feature = "cluster")]
    passage: Option<PathBuf>,
}

impl Places {
    /// Finds the places: the mark in the data directory names the bucket.
    pub(super) fn of(data_dir: &Path, options: &ScrubOptions) -> Result<Self> {
        match BucketAddress::of_mark(&data_dir.join(ARCHIVE_HOME))? {
            None => Ok(Self {
                archive: Objects::Files(data_dir.join(ARCHIVE)).into(),
                index: Objects::Files(data_dir.join(INDEX)).into(),
                #[cfg(feature = "cluster")]
                passage: None,
            }),
            Some(address) => Self::remote(address, options),
        }
    }

    #[cfg(feature = "cluster")]
    fn remote(address: BucketAddress, options: &ScrubOptions) -> Result<Self> {
        let settings = atrail_archive::BucketSettings {
            address,
            variables: options.aws.clone(),
        };
        let name = format!("atrail-scrub-{}", atrail_model::ObjectId::generate());
        let passage = options.temp_dir.join(name);
        let remote = atrail_archive::Remote::open(&settings, &passage, 0)?;
        Ok(Self {
            archive: Objects::Bucket(remote.blobs(ARCHIVE).into()).into(),
            index: Objects::Bucket(remote.blobs(INDEX).into()).into(),
            passage: Some(passage),
        })
    }

    #[cfg(not(feature = "cluster"))]
    fn remote(address: BucketAddress, _: &ScrubOptions) -> Result<Self> {
        Err(StoreError::Conflict(format!(
            "the archive is in {}, and this program was built without the feature cluster",
            address.url
        )))
    }
}

#[cfg(feature = "cluster")]
impl Drop for Places {
    fn drop(&mut self) {
        if let Some(passage) = &self.passage {
            let _ = std::fs::remove_dir_all(passage);
        }
    }
}

impl Objects {
    /// Opens an object; `None` when there is none.
    ///
    /// # Errors
    /// When the bucket does not answer: then the scrub is incomplete. A file that cannot be read is the inner error.
    pub(super) async fn open(&self, path: &str) -> Result<Option<std::io::Result<Reader>>> {
        match self {
            Self::Files(dir) => Ok(match File::open(dir.join(path)) {
                Ok(file) => Some(Ok(Reader::of_file(path, file))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => Some(Err(error)),
            }),
            #[cfg(feature = "cluster")]
            Self::Bucket(blobs) => match atrail_archive::Blobs::open(&**blobs, path, None).await {
                Ok(reader) => Ok(Some(Ok(reader))),
                Err(StoreError::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    /// Returns the paths of all files or objects.
    pub(super) async fn paths(&self) -> Result<Vec<String>> {
        match self {
            Self::Files(root) => {
                let mut paths = Vec::new();
                let mut dirs = vec![root.clone()];
                while let Some(dir) = dirs.pop() {
                    let (files, below) = list(dir).await?;
                    dirs.extend(below);
                    let below = files.iter().filter_map(|file| file.strip_prefix(root).ok());
                    paths.extend(below.map(|path| path.to_string_lossy().into_owned()));
                }
                Ok(paths)
            }
            #[cfg(feature = "cluster")]
            Self::Bucket(blobs) => atrail_archive::Blobs::list(&**blobs, "").await,
        }
    }

    /// Reports whether there is such a file or object.
    pub(super) async fn has(&self, path: &str) -> Result<bool> {
        match self {
            Self::Files(dir) => Ok(dir.join(path).exists()),
            #[cfg(feature = "cluster")]
            Self::Bucket(_) => Ok(self.open(path).await?.is_some()),
        }
    }
}
