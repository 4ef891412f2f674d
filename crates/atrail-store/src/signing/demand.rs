//! The file by which a start is told to begin a new epoch, and why.

use std::path::Path;

use crate::durable;
use crate::error::{Result, StoreError};

/// A file that says why the next start begins a new epoch.
const NEW_EPOCH: &str = "new-epoch";
/// Why an account's logs begin anew that got what they do not tell of.
pub(super) const TAKEN_IN: &str =
    "the catalog was older than the archive, of which it took in what it did not know";

/// Makes the next start on this directory begin a new epoch, for this reason.
pub(crate) fn demand_epoch(data_dir: &Path, reason: &str) -> Result<()> {
    let path = data_dir.join(NEW_EPOCH);
    durable::replace(&path, reason.as_bytes(), 0o600).map_err(failed("write", &path))
}

/// Makes the next start begin a new epoch in all logs, unless this one comes to begin those of what is taken in. One that is
/// demanded already stands.
pub(crate) fn demand_epoch_of_taken_in(data_dir: &Path) -> Result<()> {
    match demanded(data_dir)? {
        Some(_) => Ok(()),
        None => demand_epoch(data_dir, TAKEN_IN),
    }
}

/// Whether an earlier start took something in, and was broken off before all logs that do not tell of it had their new epoch.
pub(crate) fn is_taking_in(data_dir: &Path) -> Result<bool> {
    Ok(demanded(data_dir)?.is_some_and(|reason| reason == TAKEN_IN))
}

/// Why the next start is to begin a new epoch, if it is.
pub(super) fn demanded(data_dir: &Path) -> Result<Option<String>> {
    let path = data_dir.join(NEW_EPOCH);
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some).map_err(failed("read", &path)),
    }
}

/// Forgets that a new epoch was demanded: it has begun.
pub(super) fn forget_demand(data_dir: &Path) -> Result<()> {
    let path = data_dir.join(NEW_EPOCH);
    durable::remove(&path).map_err(failed("remove", &path))
}

fn failed(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let what = format!("cannot {what} {}", path.display());
    |source| StoreError::Directory { what, source }
}
