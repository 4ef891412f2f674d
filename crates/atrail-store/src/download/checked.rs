//! Serves only sound objects: before the first byte of an object is served, all of it is compared with the catalog,
//! unless it is known to be sound (`verified.rs`).

use std::time::Instant;

use atrail_archive::object::ObjectFile;
use atrail_archive::verified::{OpenObject, Piece, ReadFrom, SMALL_BYTES};
use atrail_disk::{Reader, Result, Stamp, StoreError, chain};
use atrail_model::ObjectId;
use bytes::Bytes;

use crate::core::Core;

impl Core {
    /// Opens the object that has the bytes of this one, after checking it against the catalog, and returns the offset
    /// of these bytes: not 0 when the object was compacted. Checks from before `session_since` do not count.
    pub(crate) async fn checked_reader(
        &self,
        id: ObjectId,
        session_since: Instant,
    ) -> Result<(Reader, u64)> {
        let mut looked_at = None;
        loop {
            let location = self.catalog.locate(&[id]).await?.remove(&id);
            let location = location.ok_or_else(|| not_found(id))?;
            match self.open_checked(&location.file, session_since).await {
                Ok(reader) => return Ok((reader, location.start)),
                // A compaction or a deletion may remove the file between the query of the catalog and the opening: then
                // the catalog names another place, or none.
                Err(_) if looked_at.as_ref() != Some(&location) => looked_at = Some(location),
                Err(error) => {
                    if let StoreError::DamagedObject { .. } = error {
                        self.counters.damaged_reads.add(1);
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Reads pieces that fit into a buffer, one after the other in the calling thread. `file` is the last file that was
    /// read, before and after the call. Returns `None` when anything is wrong, or takes too long: then
    /// [`Self::checked_reader`] reports the fault, or waits.
    pub(crate) fn read_quickly(
        &self,
        pieces: &[Piece],
        source: ReadFrom,
        session_since: Instant,
        file: &mut Option<OpenObject>,
    ) -> Option<Bytes> {
        let mut buffer = self.buffers.take();
        for Piece { location, range } in pieces {
            // The file may also be the one of an object that was compacted into it.
            let same = file.take().filter(|open| open.id == location.file.id);
            let object = self.sound(&location.file, source, session_since, same)?;
            let at = location.start + range.start;
            let filled = buffer.fill(range.end - range.start, |bytes| match source {
                ReadFrom::Memory => object.reader.fill_without_waiting(bytes, at),
                ReadFrom::Disk => object.reader.fill(bytes, at).ok(),
            });
            *file = Some(object);
            filled?;
        }
        Some(buffer.into_bytes())
    }

    /// Returns an object, opened if necessary, if it is known to be sound, or small enough for a quick check.
    fn sound(
        &self,
        expected: &ObjectFile,
        source: ReadFrom,
        session_since: Instant,
        open: Option<OpenObject>,
    ) -> Option<OpenObject> {
        if source == ReadFrom::Memory && !self.verified.has(expected.id, session_since) {
            return None;
        }
        let reader = match open {
            Some(open) => open.reader,
            None => self.blobs.open_near(&expected.path)?.ok()?,
        };
        let stamp = reader.stamp().ok()?;
        if stamp.size_bytes != expected.size_bytes {
            return None;
        }
        if !self.is_known(expected.id, stamp, session_since) {
            let looked = Instant::now();
            let may_look = source == ReadFrom::Disk && stamp.size_bytes <= SMALL_BYTES;
            if !may_look || reader.hash(stamp.size_bytes).ok()? != expected.sha256 {
                return None;
            }
            self.counters.checked_bytes.add(stamp.size_bytes);
            let now = self.clock.elapsed();
            self.verified.remember(expected.id, stamp, now, looked);
        }
        let id = expected.id;
        Some(OpenObject { id, reader })
    }

    async fn open_checked(&self, file: &ObjectFile, session_since: Instant) -> Result<Reader> {
        match self.open_checked_once(file, session_since).await {
            // It was a copy: the object itself may be sound.
            Err(StoreError::DamagedObject { .. }) if self.blobs.distrust(&file.path) => {
                self.open_checked_once(file, session_since).await
            }
            opened => opened,
        }
    }

    async fn open_checked_once(&self, file: &ObjectFile, session_since: Instant) -> Result<Reader> {
        let reader = match self.blobs.open(&file.path, Some(file.expected())).await {
            Ok(reader) => reader,
            Err(StoreError::NotFound { .. }) => return Err(damaged(file, "its file is missing")),
            Err(error) => return Err(error),
        };
        let stamp = reader.checked_stamp()?;
        if stamp.size_bytes != file.size_bytes {
            let why = format!(
                "its file has {} bytes in place of {}",
                stamp.size_bytes, file.size_bytes
            );
            return Err(damaged(file, &why));
        }
        if self.is_known(file.id, stamp, session_since) {
            return Ok(reader);
        }
        let _turn = self.verified.turn(file.id).lock().await;
        if self.is_known(file.id, stamp, session_since) {
            return Ok(reader);
        }
        let looked = Instant::now();
        let sha256 = reader
            .sha256(stamp.size_bytes)
            .await
            .map_err(|error| damaged(file, &chain(&error)))?;
        self.counters.checked_bytes.add(stamp.size_bytes);
        if sha256 != file.sha256 {
            return Err(damaged(file, "its bytes do not match their SHA-256"));
        }
        let now = self.clock.elapsed();
        self.verified.remember(file.id, stamp, now, looked);
        Ok(reader)
    }

    fn is_known(&self, id: ObjectId, stamp: Stamp, session_since: Instant) -> bool {
        let recent = (self.clock.elapsed(), self.settings.recheck_after);
        self.verified.is_known(id, stamp, recent, session_since)
    }
}

fn not_found(id: ObjectId) -> StoreError {
    StoreError::NotFound {
        what: format!("object {id}"),
    }
}

fn damaged(file: &ObjectFile, why: &str) -> StoreError {
    StoreError::DamagedObject {
        object: file.id,
        day: file.day,
        hour: file.hour,
        path: file.path.clone(),
        why: why.to_owned(),
    }
}
