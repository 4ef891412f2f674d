//! Lets tests plant faults, and observe syncs, which have no other visible effect before a power loss. Nothing happens
//! before a test asks for it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// The directories whose syncs are counted, and the counts.
static WATCHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static SYNCS: Mutex<Option<HashMap<PathBuf, usize>>> = Mutex::new(None);
/// Steps that must fail, once each: failures that no state of a directory causes for every user.
static PLANTED: Mutex<Vec<(&str, PathBuf)>> = Mutex::new(Vec::new());

/// Counts the syncs of this directory and of everything below it from here on.
pub fn watch_syncs(dir: &Path) {
    WATCHED.lock().push(dir.to_owned());
}

/// Returns how often this path was synced while it was watched.
#[must_use]
pub fn syncs_of(path: &Path) -> usize {
    let syncs = SYNCS.lock();
    let count = syncs.as_ref().and_then(|syncs| syncs.get(path));
    count.copied().unwrap_or(0)
}

pub(crate) fn note_sync(path: &Path) {
    if WATCHED.lock().iter().any(|dir| path.starts_with(dir)) {
        let mut syncs = SYNCS.lock();
        *syncs
            .get_or_insert_default()
            .entry(path.to_owned())
            .or_default() += 1;
    }
}

/// Makes the next step of this name on this path fail.
pub fn fail_at(step: &'static str, path: &Path) {
    PLANTED.lock().push((step, path.to_owned()));
}

pub(crate) fn meet(step: &str, path: &Path) -> io::Result<()> {
    let mut planted = PLANTED.lock();
    let Some(at) = planted
        .iter()
        .position(|one| *one == (step, path.to_owned()))
    else {
        return Ok(());
    };
    planted.remove(at);
    Err(io::Error::other("planted"))
}
