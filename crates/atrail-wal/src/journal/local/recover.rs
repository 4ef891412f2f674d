//! Opens a journal with the frames that an earlier process left in its log.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_disk::{Reserve, Result, is_full, off_thread};
use atrail_model::{Clock, Domain};

use crate::counters::LogCounters;
use crate::journal::recent::Before;
use crate::log::{FileWal, Frame, NewLog, Replay};

/// The settings and parts of a journal, besides its log.
#[derive(Debug)]
pub struct NewJournal {
    /// The log's directory.
    pub dir: PathBuf,
    /// Space allocated for a log file, unless one frame needs more.
    pub file_size_bytes: u64,
    /// Number of bytes of events that suffice for sealing.
    pub seal_at_bytes: u64,
    /// Bytes of sealed events that stay in memory, the last ones.
    pub recent_bytes: u64,
    /// The clock that stamps arrivals.
    pub clock: Arc<dyn Clock>,
    /// Counts the writes of the log.
    pub counters: Arc<LogCounters>,
}

/// A new log with the frames that were unsealed in the old one.
#[derive(Debug)]
pub(in crate::journal) struct RecoveredLog<W> {
    pub(super) wal: W,
    /// The frames in it.
    pub(super) frames: Vec<Frame>,
    pub(super) next_sequence: u64,
    /// Whether there was only space for these frames.
    pub(super) is_cramped: bool,
    /// What an earlier process left.
    pub(super) before: Before,
}

impl<W> RecoveredLog<W> {
    pub(in crate::journal) fn map<V>(self, with: impl FnOnce(W) -> V) -> RecoveredLog<V> {
        RecoveredLog {
            wal: with(self.wal),
            frames: self.frames,
            next_sequence: self.next_sequence,
            is_cramped: self.is_cramped,
            before: self.before,
        }
    }
}

/// Begins a new log with the unsealed frames of the old one.
pub(in crate::journal) async fn recover_log(
    new: &NewJournal,
    mut replay: Replay,
    sealed_to: &HashMap<Domain, u64>,
    reserve: &Arc<Reserve>,
) -> Result<RecoveredLog<FileWal>> {
    let highest_sealed = sealed_to.values().copied().max().unwrap_or(0);
    let highest = replay.last_sequence.max(highest_sealed);
    let found = replay.frames.len();
    let unsealed = std::mem::take(&mut replay.frames)
        .into_iter()
        .filter(|frame| {
            sealed_to
                .get(&frame.domain)
                .is_none_or(|sealed| frame.sequence > *sealed)
        });
    let mut before = Before {
        sealed_to: sealed_to.clone(),
        numbers: Vec::new(),
        first: highest + 1,
    };
    let renumbered = (highest + 1..).zip(unsealed).map(|(sequence, frame)| {
        before.numbers.push((frame.sequence, sequence));
        Frame { sequence, ..frame }
    });
    let frames: Vec<Frame> = renumbered.collect();
    if found > 0 {
        tracing::info!(frames = found, unsealed = frames.len(), "read the log");
    }
    let (dir, file_size_bytes, reserve) =
        (new.dir.clone(), new.file_size_bytes, Arc::clone(reserve));
    off_thread(move || {
        let new = NewLog {
            file_size_bytes,
            ..NewLog::of(&frames, highest + 1)
        };
        let (wal, is_cramped) = begin_log(&dir, &replay, new, &reserve)?;
        Ok(RecoveredLog {
            wal,
            next_sequence: highest + 1 + frames.len() as u64,
            frames,
            is_cramped,
            before,
        })
    })
    .await
}

/// Begins the new log. On a full disk it is only as large as needed, and as a last resort uses the space that is set
/// aside. Reports whether the disk was full.
fn begin_log(
    dir: &Path,
    replay: &Replay,
    new: NewLog<'_>,
    reserve: &Reserve,
) -> Result<(FileWal, bool)> {
    let roomy = FileWal::restart(dir, replay, &new).map(|wal| (wal, false));
    if !is_full(&roomy) {
        return roomy;
    }
    let cramped = NewLog {
        is_cramped: true,
        ..new
    };
    let begun = FileWal::restart(dir, replay, &cramped);
    let begun = if is_full(&begun) && reserve.release() {
        FileWal::restart(dir, replay, &cramped)
    } else {
        begun
    };
    begun.map(|wal| (wal, true))
}
