//! Writes whose answers were lost: they may arrive after the object was deleted, and bring it back.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long after it was sent a write may still arrive.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);
/// An object that may come back is deleted this often.
const PAUSE: Duration = Duration::from_secs(60);

/// The objects that have such a write.
#[derive(Debug, Default)]
pub(super) struct Late(Mutex<HashMap<String, Sent>>);

#[derive(Debug)]
struct Sent {
    at: Instant,
    deleted: Option<Instant>,
}

impl Late {
    /// Notes that a write is sent now; reports whether it is the only one of this object.
    pub(super) fn note(&self, key: &str) -> bool {
        let at = Instant::now();
        let mut sent = self.0.lock();
        sent.retain(|_, sent| at.duration_since(sent.at) < MAX_DELAY);
        let note = Sent { at, deleted: None };
        sent.insert(key.to_owned(), note).is_none()
    }

    /// Notes that every attempt of an object's only write was answered.
    pub(super) fn is_answered(&self, key: &str) {
        self.0.lock().remove(key);
    }

    /// Reports whether the object was deleted so recently that another request would be wasted, and may come back.
    pub(super) fn was_deleted_just_now(&self, key: &str) -> bool {
        let sent = self.0.lock();
        sent.get(key).is_some_and(|sent| {
            sent.at.elapsed() < MAX_DELAY && sent.deleted.is_some_and(|at| at.elapsed() < PAUSE)
        })
    }

    /// Reports, after a deletion of the object, whether it may come back.
    pub(super) fn may_come(&self, key: &str) -> bool {
        let mut all = self.0.lock();
        let Some(sent) = all.get_mut(key) else {
            return false;
        };
        sent.deleted = Some(Instant::now());
        let may_come = sent.at.elapsed() < MAX_DELAY;
        if !may_come {
            all.remove(key);
        }
        may_come
    }

    /// Moves all notes into the past.
    #[cfg(test)]
    pub(super) fn pass(&self, time: Duration) {
        for sent in self.0.lock().values_mut() {
            sent.at -= time;
            sent.deleted = sent.deleted.map(|at| at - time);
        }
    }
}
