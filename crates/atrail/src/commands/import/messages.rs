//! The messages of a queue, each of which ends when all its objects have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What an object of a message holds of it.
#[derive(Debug, Clone)]
pub(super) struct Receipt(Arc<State>);

#[derive(Debug)]
struct State {
    handle: String,
    left: AtomicUsize,
    has_failed: AtomicBool,
}

impl Receipt {
    /// Returns the receipt of a message with this many objects.
    pub(super) fn new(handle: String, objects: usize) -> Self {
        Self(Arc::new(State {
            handle,
            left: AtomicUsize::new(objects),
            has_failed: AtomicBool::new(false),
        }))
    }

    /// Counts one object as ended. Returns the handle by which the message is deleted, if this was the last object and
    /// the server has answered for each.
    pub(super) fn end(&self, is_done: bool) -> Option<&str> {
        if !is_done {
            self.0.has_failed.store(true, Ordering::SeqCst);
        }
        let was_last = self.0.left.fetch_sub(1, Ordering::SeqCst) == 1;
        (was_last && !self.0.has_failed.load(Ordering::SeqCst)).then_some(&self.0.handle)
    }
}
