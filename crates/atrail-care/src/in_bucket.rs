//! Refuses what only works on files.

use std::path::Path;

use atrail_disk::data_dir::ARCHIVE_HOME;
use atrail_disk::{Result, StoreError};

/// Refuses a data directory whose archive is in a bucket, for this reason.
pub(crate) fn refuse(data_dir: &Path, why: &str) -> Result<()> {
    if !data_dir.join(ARCHIVE_HOME).exists() {
        return Ok(());
    }
    Err(StoreError::Conflict(format!(
        "the archive of {} is in a bucket: {why}. Keep old versions of its objects in the bucket, and copy the data directory while the server is stopped: see docs/OPERATIONS.md",
        data_dir.display()
    )))
}
