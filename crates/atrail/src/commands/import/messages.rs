//! The messages of a queue, each of which ends when all its objects have.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What an object of a message holds of it.
#[derive(Debug, Clone)]
pub(super) struct Receipt(Arc<State>);

#[derive(Debug)]
struct State {
    handle: Mutex<String>,
    objects: usize,
    open: AtomicUsize,
    has_failed: AtomicBool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server has not answered for all its objects.
    InWork,
    /// The server has.
    Answered,
    /// It cannot be used or deleted, and stays in the queue.
    Kept,
}

impl Receipt {
    /// Returns the receipt of a message with this many objects.
    pub(super) fn new(handle: String, objects: usize) -> Self {
        Self(Arc::new(State {
            handle: Mutex::new(handle),
            objects,
            open: AtomicUsize::new(objects),
            has_failed: AtomicBool::new(false),
        }))
    }

    /// Returns the receipt of a message that cannot be used.
    pub(super) fn kept(handle: String) -> Self {
        let receipt = Self::new(handle, 0);
        receipt.keep();
        receipt
    }

    /// Counts the message as one that stays in the queue.
    pub(super) fn keep(&self) {
        self.0.has_failed.store(true, Ordering::SeqCst);
    }

    /// Returns whether the message needs nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.0.objects == 0 && self.outcome() == Outcome::Answered
    }

    pub(super) fn outcome(&self) -> Outcome {
        match (
            self.0.open.load(Ordering::SeqCst),
            self.0.has_failed.load(Ordering::SeqCst),
        ) {
            (1.., _) => Outcome::InWork,
            (0, false) => Outcome::Answered,
            (0, true) => Outcome::Kept,
        }
    }

    /// Takes the handle of a message that came again: a queue may ignore the earlier one.
    pub(super) fn renew(&self, handle: String) {
        let mut known = self.0.handle.lock().unwrap_or_else(PoisonError::into_inner);
        *known = handle;
    }

    /// Counts one object as ended. Returns the handle by which the message is deleted, if this was the last object and
    /// the server has answered for each.
    pub(super) fn end(&self, is_done: bool) -> Option<String> {
        if !is_done {
            self.keep();
        }
        let was_last = self.0.open.fetch_sub(1, Ordering::SeqCst) == 1;
        let handle = self.0.handle.lock().unwrap_or_else(PoisonError::into_inner);
        (was_last && self.outcome() == Outcome::Answered).then(|| handle.clone())
    }
}
