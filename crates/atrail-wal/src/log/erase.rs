//! Closed log files: removes those that have nothing unsealed, and erases sealed events from the others.
//!
//! A file is rewritten, with an empty frame in place of each erased one, and replaces the old file in one step. Every
//! remaining frame keeps its number, so watermarks and the other files keep their meaning: after a crash each file is
//! in its old or its new state, and a start reads the same unsealed events from either.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_disk::{Result, durable, io_failure};
use atrail_model::{Domain, SpaceId};
use bytes::Bytes;
use parking_lot::Mutex;

use super::frame::{
    FILE_HEADER_LEN, FRAME_HEADER_LEN, FileHeader, Frame, domain_of_payload, encode_frame,
    sound_frame,
};
use super::read::{damaged, written_part};

/// The closed files of a log.
#[derive(Debug, Default)]
pub(super) struct ClosedFiles {
    /// The files that may still have unsealed events, oldest first.
    files: Mutex<Vec<ClosedFile>>,
    /// Held while one is rewritten: none is removed meanwhile.
    at_work: Mutex<()>,
}

#[derive(Debug, Clone)]
pub(super) struct ClosedFile {
    pub(super) path: PathBuf,
    pub(super) last_sequence: u64,
    /// The domains that may have events in it.
    pub(super) domains: HashSet<Domain>,
}

impl ClosedFiles {
    pub(super) fn push(&self, file: ClosedFile) {
        self.files.lock().push(file);
    }

    /// Removes files whose frames are all below this sequence number, unless one is being rewritten: the log's writer
    /// does not wait for that, and the next trim does it.
    pub(super) fn trim(&self, floor: u64) -> io::Result<()> {
        let Some(_nobody_at_work) = self.at_work.try_lock() else {
            return Ok(());
        };
        let mut files = self.files.lock();
        while let Some(oldest) = files.first().filter(|file| file.last_sequence < floor) {
            // In this order only: a gap between files would count as damage. A missing file counts as removed.
            durable::ensure_gone(&oldest.path)?;
            files.remove(0);
        }
        Ok(())
    }
}

/// Erases sealed events from the closed files of a log, while others write to it.
#[derive(Debug, Default)]
pub(crate) struct Eraser {
    closed: Arc<ClosedFiles>,
    /// Frames with higher numbers stay untouched.
    last_sequence: u64,
}

impl Eraser {
    pub(super) fn of(closed: &Arc<ClosedFiles>, last_sequence: u64) -> Self {
        Self {
            closed: Arc::clone(closed),
            last_sequence,
        }
    }

    /// Erases the events of these domains that are below the given number of each. It reads and writes each file with
    /// such events, one after the other in memory.
    ///
    /// # Errors
    /// `Damaged` when a file cannot be read, or when the disk fails: some files may still have such events. The caller
    /// may try again.
    pub(crate) fn erase(&self, below: &HashMap<Domain, u64>) -> Result<()> {
        let _only = self.closed.at_work.lock();
        let files = self.closed.files.lock().clone();
        for file in files {
            if !file.domains.iter().any(|domain| below.contains_key(domain)) {
                continue;
            }
            let goes = |domain: Domain, sequence: u64| {
                let below = below.get(&domain);
                sequence <= self.last_sequence && below.is_some_and(|below| sequence < *below)
            };
            let domains = erase_in(&file, goes)?;
            let mut files = self.closed.files.lock();
            if let Some(kept) = files.iter_mut().find(|one| one.path == file.path) {
                kept.domains = domains;
            }
        }
        Ok(())
    }
}

/// Erases frames from a file; returns the domains that still have some in it.
fn erase_in(file: &ClosedFile, goes: impl Fn(Domain, u64) -> bool) -> Result<HashSet<Domain>> {
    let path = &file.path;
    let bytes = written_part(path).map_err(io_failure("read the log file", path))?;
    let (kept, domains, gone) = without(path, &bytes, file.last_sequence, goes)?;
    if gone > 0 {
        let replaced = durable::replace(path, &kept, 0o600);
        if replaced.is_err() {
            // The temporary file has events of other domains: a later deletion of those must not find it.
            let _ = durable::remove_temporary(path);
        }
        replaced.map_err(io_failure("write the log file anew", path))?;
    } else if let Some(dir) = path.parent() {
        // An earlier try may have renamed the file and then failed to sync that.
        durable::sync_dir(dir).map_err(io_failure("sync the log directory", dir))?;
    }
    Ok(domains)
}

/// Removes unfinished replacements of files that a crash has left.
pub(super) fn remove_unfinished(dir: &Path) -> Result<()> {
    for entry in std::fs::read_dir(dir).map_err(io_failure("list the log directory", dir))? {
        let path = entry
            .map_err(io_failure("list the log directory", dir))?
            .path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.starts_with('.') && name.ends_with(".wal.tmp")) {
            // It is of no use, and no reason not to start.
            if let Err(error) = durable::ensure_gone(&path) {
                tracing::warn!(path = %path.display(), %error, "an unfinished log file could not be removed");
            }
        }
    }
    Ok(())
}

/// Returns a file's bytes without the events of some frames, the domains that have others in it, and how many frames
/// lost their events.
fn without(
    path: &Path,
    bytes: &Bytes,
    last_sequence: u64,
    goes: impl Fn(Domain, u64) -> bool,
) -> Result<(Vec<u8>, HashSet<Domain>, u64)> {
    let unreadable = |at| damaged(path, at, "a frame that was durable is unreadable");
    let header = FileHeader::decode(bytes).ok_or_else(|| unreadable(0))?;
    let mut kept = bytes[..FILE_HEADER_LEN].to_vec();
    let (mut domains, mut gone) = (HashSet::new(), 0);
    let mut at = FILE_HEADER_LEN;
    for sequence in header.first_sequence..=last_sequence {
        let frame = sound_frame(&bytes[at.min(bytes.len())..]).ok_or_else(|| unreadable(at))?;
        let end = at + FRAME_HEADER_LEN + frame.payload_len;
        let payload = &bytes[at + FRAME_HEADER_LEN..end];
        let (domain, events) = domain_of_payload(payload).ok_or_else(|| unreadable(at))?;
        if frame.sequence != sequence {
            return Err(unreadable(at));
        }
        if events > 0 && goes(domain, sequence) {
            gone += 1;
            encode_frame(&nothing(sequence), frame.durable, &mut kept);
        } else {
            kept.extend_from_slice(&bytes[at..end]);
            if events > 0 {
                domains.insert(domain);
            }
        }
        at = end;
    }
    Ok((kept, domains, gone))
}

/// Returns the replacement of an erased frame; it does not even reveal the domain.
fn nothing(sequence: u64) -> Frame {
    Frame {
        sequence,
        domain: Domain::Space(SpaceId::from_bytes([0; 16])),
        events: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
