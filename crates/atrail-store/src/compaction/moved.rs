//! Finding the bytes of objects that were compacted.

use atrail_model::ObjectId;

use crate::blobs::Reader;
use crate::error::{Result, StoreError};
use crate::store::Core;

impl Core {
    /// Opens the object that has the bytes of this one; they begin there at the place that is returned. A compaction may erase its file between the look into the
    /// catalog and the opening: then the catalog says another place.
    pub(crate) async fn open_wherever(&self, object: ObjectId) -> Result<(Reader, u64)> {
        let mut looked_at = None;
        loop {
            let location = self.catalog.locate(object).await?;
            let location = location.ok_or_else(|| StoreError::NotFound {
                what: format!("object {object}"),
            })?;
            match self.blobs.open(&location.path).await {
                Err(StoreError::NotFound { .. }) if looked_at.as_ref() != Some(&location) => {
                    looked_at = Some(location);
                }
                opened => return Ok((opened?, location.start)),
            }
        }
    }
}
