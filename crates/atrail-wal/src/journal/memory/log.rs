//! The contents that a journal in memory leaves, and its failures.

use std::sync::Arc;

use atrail_model::{Domain, Elapsed};
use parking_lot::Mutex;

use crate::log::NewEvent;

/// The contents that survive the journal that wrote them.
#[derive(Debug, Clone, Default)]
pub struct MemoryLog(pub(super) Arc<Mutex<Kept>>);

impl MemoryLog {
    /// Returns a new log with a copy of the present contents.
    pub fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().clone())))
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// In the order in which they became durable; numbered from 1.
    pub(super) batches: Vec<Numbered>,
    pub(super) last_sequence: u64,
    /// Sealed batches that were neither released nor erased yet.
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

/// The failure of the next batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// There is no space until this failure is removed.
    Full,
    /// The disk fails and has either kept the batch or not.
    Broken {
        /// Whether it has kept the batch.
        is_kept: bool,
    },
}

/// A possible fault of an implementation: a control that the suite must detect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
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
    HidesWhatIsRecent,
    ListsTheNewestFirst,
    CountsBesideTheCatalog,
}

impl MemoryLog {
    /// Makes batches fail from now on, or ends that.
    pub fn fail(&self, failure: Option<Failure>) {
        self.0.lock().failure = failure;
    }

    /// Reports whether the log has these bytes, sealed or not.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        let kept = self.0.lock();
        let all = kept.batches.iter().chain(&kept.sealed);
        let mut events = all.flat_map(|one| &one.events);
        events.any(|event| memchr::memmem::find(&event.line, bytes).is_some())
    }

    /// Returns a log whose journals have this fault.
    pub fn with(fault: Fault) -> Self {
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
