//! A data directory and a prefix of a bucket belong together: the directory has a file with an id, and the prefix an
//! object of that name. For nodes the catalog has the id. The names are fresh, so that two directories that want one prefix both see it.

use std::path::Path;

use atrail_disk::{Result, StoreError, durable, io_failure, off_thread};
use atrail_model::ObjectId;
use bytes::Bytes;

use super::{BucketAddress, Remote};
use crate::blobs::mark::Mark;

/// The directory of the marks, below the prefix.
const HOMES: &str = "home";

impl Remote {
    /// Binds the prefix to the data directory with this mark, or checks that it is bound to it.
    ///
    /// # Errors
    /// `Conflict` when the prefix belongs to another directory, or holds objects and belongs to none.
    pub async fn bind(&self, mark: &Path, address: &BucketAddress) -> Result<()> {
        let path = mark.to_path_buf();
        let known = off_thread(move || Mark::read(&path)).await?;
        let id = match &known {
            Some(mark) => mark.id.clone(),
            None => {
                self.refuse_used(address).await?;
                ObjectId::generate().to_string()
            }
        };
        let current = Mark {
            id: id.clone(),
            address: address.clone(),
        };
        let home = format!("{HOMES}/{id}");
        if known.is_some() {
            if !self.settle_home(&home, address).await? {
                return Ok(());
            }
        } else {
            write(mark, &current).await?;
            self.put_home(&home).await?;
        }
        if let Err(shared) = self.refuse_shared(&home, address).await {
            if known.is_none() {
                self.bucket.delete(&home).await?;
                let path = mark.to_path_buf();
                off_thread(move || {
                    durable::remove_if_there(&path).map_err(io_failure("remove", &path))
                })
                .await?;
            }
            return Err(shared);
        }
        if known.is_some_and(|known| known != current) {
            write(mark, &current).await?;
        }
        Ok(())
    }

    /// Binds the prefix to a catalog that nodes share and that has this id, or checks that it is bound to it.
    ///
    /// # Errors
    /// `Conflict` when the prefix belongs to another server, or holds objects and belongs to none.
    pub async fn bind_to(&self, id: &str, address: &BucketAddress) -> Result<()> {
        let home = format!("{HOMES}/{id}");
        if self.settle_home(&home, address).await? {
            self.refuse_shared(&home, address).await?;
        }
        Ok(())
    }

    /// Completes the mark of the prefix, unless a crash came before it; returns whether the bucket answers.
    async fn settle_home(&self, home: &str, address: &BucketAddress) -> Result<bool> {
        match self.bucket.get_small(home).await {
            Ok(_) => Ok(true),
            // A crash came between the two marks.
            Err(StoreError::NotFound { .. }) => {
                self.refuse_used(address).await?;
                self.put_home(home).await?;
                Ok(true)
            }
            Err(error @ StoreError::Away { .. }) => {
                tracing::warn!(
                    error = atrail_disk::chain(&error),
                    "the bucket of the archive does not answer: the server starts without it"
                );
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Refuses a prefix that has another mark, too.
    async fn refuse_shared(&self, home: &str, address: &BucketAddress) -> Result<()> {
        let homes = self.bucket.list(HOMES).await?;
        match homes.iter().find(|one| **one != home) {
            None => Ok(()),
            Some(other) => Err(StoreError::Conflict(format!(
                "{} belongs to another data directory or cluster too ({other}): choose another prefix",
                address.url
            ))),
        }
    }

    async fn put_home(&self, home: &str) -> Result<()> {
        let text = Bytes::from_static(b"This prefix belongs to an atrail server.\n");
        self.bucket.put(home, text).await.result
    }

    async fn refuse_used(&self, address: &BucketAddress) -> Result<()> {
        match self.bucket.list("").await?.first() {
            None => Ok(()),
            Some(first) => Err(StoreError::Conflict(format!(
                "{} holds objects that this server did not put there, such as {first}: choose an empty prefix, or the data directory or catalog to which it belongs",
                address.url
            ))),
        }
    }
}

async fn write(path: &Path, mark: &Mark) -> Result<()> {
    let bytes = serde_json::to_vec(mark).map_err(|error| StoreError::Invalid(error.to_string()))?;
    let path = path.to_path_buf();
    off_thread(move || durable::replace(&path, &bytes, 0o600).map_err(io_failure("write", &path)))
        .await
}
