//! The uses of sessions.

use std::collections::HashMap;
use std::ops::Range;

use atrail_catalog::session::{Session, SessionKey, Usage};
use atrail_model::passage::Now;
use parking_lot::Mutex;

/// The uses of sessions that the catalog has not recorded yet: it records them every few seconds, so that a range
/// request costs no transaction. A crash loses a few seconds of them.
#[derive(Debug, Default)]
pub(crate) struct Activity(Mutex<HashMap<SessionKey, Usage>>);

impl Activity {
    pub(crate) fn note_use(&self, session: &Session, now: &Now) {
        let mut used = self.0.lock();
        used.entry(session.key())
            .or_insert_with(|| Usage::at(now))
            .touch(now);
    }

    pub(crate) fn note_sent(&self, session: SessionKey, bytes: Range<u64>, now: &Now) {
        let mut used = self.0.lock();
        let entry = used.entry(session).or_insert_with(|| Usage::at(now));
        entry.touch(now);
        entry.handed_out.add(bytes);
    }

    /// Returns the unrecorded use of this session.
    pub(crate) fn of(&self, session: SessionKey) -> Option<Usage> {
        self.0.lock().get(&session).cloned()
    }

    pub(crate) fn forget(&self, session: SessionKey) {
        self.0.lock().remove(&session);
    }

    /// Returns all unrecorded uses.
    pub(crate) fn news(&self) -> Vec<(SessionKey, Usage)> {
        let used = self.0.lock();
        used.iter()
            .map(|(session, entry)| (*session, entry.clone()))
            .collect()
    }

    /// Removes uses that the catalog has recorded, unless they have changed since.
    pub(crate) fn forget_told(&self, news: &[(SessionKey, Usage)]) {
        let mut used = self.0.lock();
        for (session, told) in news {
            if used.get(session) == Some(told) {
                used.remove(session);
            }
        }
    }
}
