//! Where the objects and the files of the search index are: in the data directory, or in a bucket.

use std::path::Path;
use std::sync::Arc;

use atrail_archive::{Blobs, BucketSettings, LocalBlobs};
use atrail_disk::data_dir::{ARCHIVE, ARCHIVE_HOME, INDEX};
use atrail_disk::{Reserve, Result, StoreError};

use crate::settings::StoreSettings;

/// The two places.
pub(crate) struct Places {
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) index: Arc<dyn Blobs>,
}

impl Places {
    /// Opens the places that the settings name.
    ///
    /// # Errors
    /// `Conflict` when the directory has its objects in the other place, or the bucket belongs to another directory.
    pub(crate) async fn open(settings: &StoreSettings, reserve: &Reserve) -> Result<Self> {
        let dir = &settings.data_dir;
        match settings.bucket() {
            None => {
                refuse_bucket(dir)?;
                Self::local(dir, reserve)
            }
            Some(bucket) => {
                refuse_files(dir)?;
                Self::remote(settings, &bucket).await
            }
        }
    }

    fn local(dir: &Path, reserve: &Reserve) -> Result<Self> {
        let index = dir.join(INDEX);
        let index = match LocalBlobs::open(&index) {
            // An upgrade on a full disk: the directory of the index is new.
            Err(_) if reserve.release() => LocalBlobs::open(&index),
            opened => opened,
        };
        Ok(Self {
            blobs: Arc::new(LocalBlobs::open(&dir.join(ARCHIVE))?),
            index: Arc::new(index?),
        })
    }

    #[cfg(feature = "cluster")]
    async fn remote(settings: &StoreSettings, bucket: &BucketSettings) -> Result<Self> {
        use atrail_disk::data_dir::{CACHE, CATALOG};

        let dir = &settings.data_dir;
        let cache = settings.cache.clone().unwrap_or_else(|| dir.join(CACHE));
        let remote = atrail_archive::Remote::open(bucket, &cache, settings.cache_bytes)?;
        remote
            .bind(&dir.join(ARCHIVE_HOME), &bucket.address)
            .await?;
        let places = Self {
            blobs: Arc::new(remote.blobs(ARCHIVE)),
            index: Arc::new(remote.blobs(INDEX)),
        };
        let has_catalog = settings.catalog.is_some() || dir.join(CATALOG).exists();
        if !has_catalog && !places.blobs.list("").await?.is_empty() {
            return Err(StoreError::Damaged {
                what: format!("the data directory {}", dir.display()),
                why: format!(
                    "{} holds its events, but catalog.sqlite is missing. Restore a copy of the data directory: the server adopts the objects that the copy does not know",
                    bucket.address.url
                ),
            });
        }
        Ok(places)
    }

    #[cfg(not(feature = "cluster"))]
    async fn remote(_: &StoreSettings, _: &BucketSettings) -> Result<Self> {
        Err(StoreError::Conflict(
            "this program was built without the feature cluster: it keeps no archive in a bucket"
                .to_owned(),
        ))
    }
}

fn refuse_bucket(dir: &Path) -> Result<()> {
    if !dir.join(ARCHIVE_HOME).exists() {
        return Ok(());
    }
    Err(StoreError::Conflict(format!(
        "the data directory {}: its archive is in a bucket: set [store] archive to its URL",
        dir.display()
    )))
}

fn refuse_files(dir: &Path) -> Result<()> {
    let entries = std::fs::read_dir(dir.join(ARCHIVE));
    if !entries.is_ok_and(|mut entries| entries.next().is_some()) {
        return Ok(());
    }
    Err(StoreError::Conflict(format!(
        "the data directory {}: it has its own archive: leave out [store] archive, or choose a new directory",
        dir.display()
    )))
}
