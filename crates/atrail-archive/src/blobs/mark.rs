//! The mark of a data directory whose archive is in a bucket.

use std::path::Path;

use atrail_disk::{Result, StoreError, io_failure};
use serde::{Deserialize, Serialize};

use super::BucketAddress;

/// What the mark states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The name of the object that marks the prefix.
    pub(crate) id: String,
    /// Where the prefix was at the last start.
    #[serde(flatten)]
    pub(crate) address: BucketAddress,
}

impl Mark {
    /// Reads a mark; `None` when there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_failure("read", path)(error)),
        };
        let mark = serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged {
            what: path.display().to_string(),
            why: error.to_string(),
        })?;
        Ok(Some(mark))
    }
}

impl BucketAddress {
    /// Reads the address of the archive from the mark of a data directory; `None` when there is no mark.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_mark(path: &Path) -> Result<Option<Self>> {
        Ok(Mark::read(path)?.map(|mark| mark.address))
    }
}
