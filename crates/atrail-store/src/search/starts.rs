//! Where an object's segments begin. Segments lie one after the other, and each begins with a member that names it.

use std::sync::Arc;

use atrail_archive::members::segment_starts;
use atrail_disk::Reader;
use atrail_model::{ObjectId, Recent, SegmentId};
use parking_lot::Mutex;

/// Bytes of memory for places of segments.
const MEMORY_BYTES: usize = 4 << 20;

/// The places of segments in recently used objects. An object never changes.
#[derive(Debug)]
pub(crate) struct Starts(Mutex<Recent<ObjectId, Arc<[u64]>>>);

impl Default for Starts {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(MEMORY_BYTES)))
    }
}

impl Starts {
    /// Returns where each of an object's segments begins, in their order.
    ///
    /// # Errors
    /// When the file cannot be read, or does not have these segments.
    pub(crate) fn of(
        &self,
        object: ObjectId,
        reader: &Reader,
        size_bytes: u64,
        segments: &[SegmentId],
    ) -> std::io::Result<Arc<[u64]>> {
        if segments.len() == 1 {
            return Ok(Arc::from([0]));
        }
        if let Some(known) = self.0.lock().get(&object) {
            return Ok(Arc::clone(known));
        }
        let starts: Arc<[u64]> = segment_starts(reader, size_bytes, segments)?.into();
        let weight = starts.len() * 8 + 128;
        self.0.lock().insert(object, Arc::clone(&starts), weight);
        Ok(starts)
    }
}
