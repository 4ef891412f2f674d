//! The objects that compaction found damaged.

use std::collections::HashMap;
use std::time::Duration;

use atrail_model::{Elapsed, ObjectId};
use parking_lot::Mutex;

/// A damaged object is checked again after this long: it may have been restored.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(86_400);

/// Objects that proved damaged, and when: they are not read again in every round.
#[derive(Debug, Default)]
pub(crate) struct Unsound(Mutex<HashMap<ObjectId, Elapsed>>);

impl Unsound {
    /// Records that an object proved damaged now.
    pub(crate) fn note(&self, id: ObjectId, now: Elapsed) {
        self.0.lock().insert(id, now);
    }

    /// Reports whether the object proved damaged recently.
    pub(crate) fn holds(&self, id: ObjectId, now: Elapsed) -> bool {
        let mut found = self.0.lock();
        let since = found.get(&id).map(|at| now.since(*at));
        let is_recent = since.is_some_and(|since| since < LOOK_AGAIN_AFTER);
        if since.is_some() && !is_recent {
            found.remove(&id);
        }
        is_recent
    }
}
