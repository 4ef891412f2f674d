//! Reading only what is sound: before the first byte of an object is handed out, all of it is compared with the catalog.
//!
//! What was found sound is remembered for the session that it was read for, so that ranges and repeated downloads of it cost no
//! second look. A change that went through the file system is noticed at once; one that the disk made by itself at the first
//! read for each new session, and for one that goes on, when the memory is as old as [`crate::StoreSettings::recheck_after`].

use std::collections::HashMap;
use std::fs::File;
use std::io::IoSliceMut;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use atrail_model::{Elapsed, ObjectId};
use bytes::Bytes;
use parking_lot::Mutex;
use rustix::io::{ReadWriteFlags, preadv2};

use crate::blobs::{Reader, Stamp, hash_file};
use crate::error::{Result, StoreError, chain};
use crate::object::{Location, ObjectFile};
use crate::store::Core;

/// The objects that were found sound, and when.
#[derive(Debug)]
pub(crate) struct Verified {
    known: Mutex<HashMap<ObjectId, Found>>,
    /// Who checks an object holds one of these, so that others wait for the outcome and do not repeat the work.
    turns: [tokio::sync::Mutex<()>; TURNS],
}

#[derive(Debug, Clone, Copy)]
struct Found {
    stamp: Stamp,
    at: Elapsed,
    /// When the look began, however the store's clock is set.
    looked: Instant,
}

/// Bytes of an object and where they lie.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) location: Location,
    /// Within the object.
    pub(crate) range: Range<u64>,
}

/// A file that was found to be a sound object when it was last read from.
#[derive(Debug)]
pub(crate) struct OpenObject {
    id: ObjectId,
    file: File,
}

/// Where bytes may be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadFrom {
    /// Only from the page cache: the thread must not wait.
    Memory,
    /// From wherever they are.
    Disk,
}

/// What is looked at as a whole on the way.
pub(crate) const SMALL_BYTES: u64 = 1 << 20;
/// About ten megabytes of memory.
const MAX_KNOWN: usize = 100_000;
const TURNS: usize = 64;

impl Default for Verified {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }
}

impl Verified {
    fn is_known(
        &self,
        id: ObjectId,
        stamp: Stamp,
        (now, within): (Elapsed, Duration),
        session_since: Instant,
    ) -> bool {
        let known = self.known.lock();
        known.get(&id).is_some_and(|found| {
            found.stamp == stamp && now.since(found.at) < within && found.looked >= session_since
        })
    }

    /// Whether something is known of it since then, though perhaps of another file.
    pub(crate) fn has(&self, id: ObjectId, since: Instant) -> bool {
        let known = self.known.lock();
        known.get(&id).is_some_and(|found| found.looked >= since)
    }

    fn remember(&self, id: ObjectId, stamp: Stamp, at: Elapsed, looked: Instant) {
        let mut known = self.known.lock();
        if known.len() >= MAX_KNOWN && !known.contains_key(&id) {
            // Rare, and what is forgotten is only checked once more.
            known.clear();
        }
        known.insert(id, Found { stamp, at, looked });
    }

    fn turn(&self, id: ObjectId) -> &tokio::sync::Mutex<()> {
        &self.turns[usize::from(id.as_bytes()[15]) % TURNS]
    }
}

impl Core {
    /// Opens the object that has the bytes of this one, sound as the catalog says, and tells where they begin in it:
    /// elsewhere than at its beginning when it was compacted. Looks that are older than `session_since` count for nothing.
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
                // A compaction or a deletion may take the file between the look into the catalog and the opening: then
                // the catalog says another place, or none.
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

    /// Reads pieces that fit into a buffer, one after the other in the calling thread. `file` is the one that was read from
    /// before, and after it the last one of these. `None` when anything is not as it should be, or takes longer than it may:
    /// then [`Self::checked_reader`] says what is wrong, or takes its time.
    pub(crate) fn read_quickly(
        &self,
        pieces: &[Piece],
        source: ReadFrom,
        session_since: Instant,
        file: &mut Option<OpenObject>,
    ) -> Option<Bytes> {
        let mut buffer = self.buffers.take();
        for Piece { location, range } in pieces {
            // Also that of an object that was compacted into the same file.
            let same = file.take().filter(|open| open.id == location.file.id);
            let object = self.sound(&location.file, source, session_since, same)?;
            let at = location.start + range.start;
            let filled = buffer.fill(range.end - range.start, |bytes| match source {
                ReadFrom::Memory => read_cached(&object.file, bytes, at),
                ReadFrom::Disk => object.file.read_exact_at(bytes, at).ok(),
            });
            *file = Some(object);
            filled?;
        }
        Some(buffer.into_bytes())
    }

    /// An object, opened if it is not, if it is known to be sound, or so small that this is soon known.
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
        let file = match open {
            Some(open) => open.file,
            None => self.blobs.open_file(&expected.path)?.ok()?,
        };
        let stamp = Stamp::of(&file).ok()?;
        if stamp.size_bytes != expected.size_bytes {
            return None;
        }
        if !self.is_known(expected.id, stamp, session_since) {
            let looked = Instant::now();
            let may_look = source == ReadFrom::Disk && stamp.size_bytes <= SMALL_BYTES;
            if !may_look || hash_file(&file, stamp.size_bytes).ok()? != expected.sha256 {
                return None;
            }
            self.counters.checked_bytes.add(stamp.size_bytes);
            let now = self.clock.elapsed();
            self.verified.remember(expected.id, stamp, now, looked);
        }
        let id = expected.id;
        Some(OpenObject { id, file })
    }

    async fn open_checked(&self, file: &ObjectFile, session_since: Instant) -> Result<Reader> {
        let reader = match self.blobs.open(&file.path).await {
            Ok(reader) => reader,
            Err(StoreError::NotFound { .. }) => return Err(damaged(file, "its file is missing")),
            Err(error) => return Err(error),
        };
        let stamp = reader.stamp();
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
            .sha256()
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

/// Fills the buffer if all of it is in the page cache.
fn read_cached(file: &File, buffer: &mut [u8], at: u64) -> Option<()> {
    let length = buffer.len();
    let mut buffers = [IoSliceMut::new(buffer)];
    let read = preadv2(file, &mut buffers, at, ReadWriteFlags::NOWAIT);
    (read == Ok(length)).then_some(())
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
