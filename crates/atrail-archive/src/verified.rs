//! Remembers which objects proved sound: before the first byte of one is served, all of it is compared with the
//! catalog.
//!
//! The result is remembered for the session that the object was read for, so that ranges and repeated downloads need no
//! second check. A change through the file system is detected at once. A spontaneous change by the disk is detected at
//! the first read of each new session; within a session, once the result is as old as
//! `StoreSettings::recheck_after`.

use std::ops::Range;
use std::time::{Duration, Instant};

use atrail_disk::{Reader, Stamp};
use atrail_model::{Elapsed, ObjectId, Recent};
use parking_lot::Mutex;

use crate::object::Location;

/// The objects that proved sound, and when.
#[derive(Debug)]
pub struct Verified {
    known: Mutex<Recent<ObjectId, Found>>,
    /// The task that checks an object holds one of these, so that others wait for the outcome instead of repeating the
    /// work.
    turns: [tokio::sync::Mutex<()>; TURNS],
}

#[derive(Debug, Clone, Copy)]
struct Found {
    stamp: Stamp,
    at: Elapsed,
    /// When the check began, independent of the store's clock.
    looked: Instant,
}

/// Bytes of an object, and their location.
#[derive(Debug)]
pub struct Piece {
    /// The location of the object.
    pub location: Location,
    /// Within the object.
    pub range: Range<u64>,
}

/// An object that was sound at its last read.
#[derive(Debug)]
pub struct OpenObject {
    /// The id of the file's object.
    pub id: ObjectId,
    /// Reads its bytes.
    pub reader: Reader,
}

/// The permitted source of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// Only from the page cache: the thread must not wait.
    Memory,
    /// From any source.
    Disk,
}

/// Smaller objects are checked as a whole during a read.
pub const SMALL_BYTES: u64 = 1 << 20;
/// About fifteen megabytes of memory. A forgotten object is only checked once more.
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
    /// Reports whether the object with this stamp proved sound, less than `within` ago, in a check that began after
    /// the session.
    pub fn is_known(
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

    /// Reports whether there is a result since then, though perhaps for another file.
    pub fn has(&self, id: ObjectId, since: Instant) -> bool {
        let mut known = self.known.lock();
        known.get(&id).is_some_and(|found| found.looked >= since)
    }

    /// Records that the object with this stamp proved sound, in a check that began at `looked`.
    pub fn remember(&self, id: ObjectId, stamp: Stamp, at: Elapsed, looked: Instant) {
        let found = Found { stamp, at, looked };
        self.known.lock().insert(id, found, 1);
    }

    /// Returns the lock that the task holds which checks the object.
    pub fn turn(&self, id: ObjectId) -> &tokio::sync::Mutex<()> {
        &self.turns[usize::from(id.as_bytes()[15]) % TURNS]
    }
}
