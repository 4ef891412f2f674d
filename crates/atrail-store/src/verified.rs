//! Which objects were found sound: before the first byte of one is handed out, all of it is compared with the catalog.
//!
//! What was found sound is remembered for the session that it was read for, so that ranges and repeated downloads of it cost no
//! second look. A change that went through the file system is noticed at once; one that the disk made by itself at the first
//! read for each new session, and for one that goes on, when the memory is as old as [`crate::StoreSettings::recheck_after`].

use std::ops::Range;
use std::time::{Duration, Instant};

use atrail_model::{Elapsed, ObjectId, Recent};
use parking_lot::Mutex;

use crate::object::Location;
use crate::reader::{Reader, Stamp};

/// The objects that were found sound, and when.
#[derive(Debug)]
pub(crate) struct Verified {
    known: Mutex<Recent<ObjectId, Found>>,
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

/// An object that was found sound when it was last read from.
#[derive(Debug)]
pub(crate) struct OpenObject {
    pub(crate) id: ObjectId,
    pub(crate) reader: Reader,
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
/// About fifteen megabytes of memory. What is forgotten is only checked once more.
const MAX_KNOWN: usize = 100_000;
const TURNS: usize = 64;

impl Default for Verified {
    fn default() -> Self {
        Self {
            known: Mutex::new(Recent::new(MAX_KNOWN)),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }
}

impl Verified {
    pub(crate) fn is_known(
        &self,
        id: ObjectId,
        stamp: Stamp,
        (now, within): (Elapsed, Duration),
        session_since: Instant,
    ) -> bool {
        let mut known = self.known.lock();
        known.get(&id).is_some_and(|found| {
            found.stamp == stamp && now.since(found.at) < within && found.looked >= session_since
        })
    }

    /// Whether something is known of it since then, though perhaps of another file.
    pub(crate) fn has(&self, id: ObjectId, since: Instant) -> bool {
        let mut known = self.known.lock();
        known.get(&id).is_some_and(|found| found.looked >= since)
    }

    pub(crate) fn remember(&self, id: ObjectId, stamp: Stamp, at: Elapsed, looked: Instant) {
        let found = Found { stamp, at, looked };
        self.known.lock().insert(id, found, 1);
    }

    pub(crate) fn turn(&self, id: ObjectId) -> &tokio::sync::Mutex<()> {
        &self.turns[usize::from(id.as_bytes()[15]) % TURNS]
    }
}
