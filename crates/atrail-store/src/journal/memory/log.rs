//! What a journal in memory leaves behind, and how it fails.

use std::sync::Arc;

use atrail_model::{Domain, Elapsed};
use parking_lot::Mutex;

use crate::wal::NewEvent;

/// What survives the journal that wrote it.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryLog(pub(super) Arc<Mutex<Kept>>);

impl MemoryLog {
    /// Returns another one with what this one holds now.
    pub(crate) fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().clone())))
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// In the order in which they were made durable; numbered from 1.
    pub(super) batches: Vec<Numbered>,
    pub(super) last_sequence: u64,
    /// What is sealed and was neither let go nor erased yet.
    pub(super) sealed: Vec<Numbered>,
    pub(super) failure: Option<Failure>,
    pub(super) fault: Option<Fault>,
}

#[derive(Debug, Clone)]
pub(super) struct Numbered {
    pub(super) sequence: u64,
    pub(super) domain: Domain,
    pub(super) since: Elapsed,
    pub(super) events: Vec<NewEvent>,
}

/// How the next batch fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no space, until this is taken back.
    Full,
    /// The disk breaks off, and has kept the batch all the same, or not.
    Broken { is_kept: bool },
}

/// What an implementation might do wrong: a control of the suite that is to see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    AcknowledgesWithoutKeeping,
    KeepsADuplicate,
    CountsADuplicateAsNew,
    KeepsHalfOfWhatIsRefused,
    GoesOnAfterBreaking,
    IgnoresSealsMeanwhile,
    DropsWhatIsPutBack,
    TakesTheNewestFirst,
    CountsWhatIsSealed,
    TrimsWhatIsUnsealed,
    LetsCountsChange,
    GivesAllRoomToOne,
    LeavesWhatIsErased,
    ErasesWhatIsUnsealed,
}

impl MemoryLog {
    /// Has batches fail from now on, or no more.
    pub(crate) fn fail(&self, failure: Option<Failure>) {
        self.0.lock().failure = failure;
    }

    /// Whether these bytes are in it, sealed or not.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        let kept = self.0.lock();
        let all = kept.batches.iter().chain(&kept.sealed);
        let mut events = all.flat_map(|one| &one.events);
        events.any(|event| memchr::memmem::find(&event.line, bytes).is_some())
    }

    /// A log whose journals do this wrong.
    pub(crate) fn with(fault: Fault) -> Self {
        let log = Self::default();
        log.0.lock().fault = Some(fault);
        log
    }
}

impl Kept {
    pub(super) fn keep(&mut self, domain: Domain, events: Vec<NewEvent>, since: Elapsed) {
        self.last_sequence += 1;
        self.batches.push(Numbered {
            sequence: self.last_sequence,
            domain,
            since,
            events,
        });
    }
}
