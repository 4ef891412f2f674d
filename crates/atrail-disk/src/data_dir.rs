//! The layout of a data directory: the names of its entries. `docs/FORMAT.md` describes what is in them.

use std::path::Path;

use crate::durable;
use crate::error::{Result, io_failure};

/// The directory of the objects.
pub const ARCHIVE: &str = "archive";
/// The mark of a directory whose objects are in a bucket.
pub const ARCHIVE_HOME: &str = "archive-home";
/// The copies of objects that are in a bucket, where the settings name no other directory.
pub const CACHE: &str = "cache";
/// The catalog. SQLite keeps files beside it whose names begin with this one.
pub const CATALOG: &str = "catalog.sqlite";
/// The mark of a directory whose catalog is a database of a server.
pub const CATALOG_HOME: &str = "catalog-home";
/// The catalog's own write-ahead log.
pub const CATALOG_LOG: &str = "catalog.sqlite-wal";
/// The newest checkpoint of each domain.
pub const CHECKPOINTS: &str = "checkpoints";
/// The directory of the search index: it can be made anew from the archive.
pub const INDEX: &str = "index";
/// The first administrator's password, until it is changed.
pub const INITIAL_CREDENTIALS: &str = "initial-credentials.json";
/// The directory of the server's secrets.
pub const KEYS: &str = "keys";
/// The file that a running server locks.
pub const LOCK: &str = "lock";
/// The directory of the write-ahead log.
pub const LOG: &str = "wal";
/// The mark of a directory that was moved elsewhere.
pub const MOVED_TO: &str = "moved-to";
/// The mark of a directory that is being filled from elsewhere.
pub const MOVING_IN: &str = "moving-in";
/// The mark of a directory that is being copied elsewhere, to be moved there.
pub const MOVING_TO: &str = "moving-to";
/// The reason why the next start begins a new epoch.
pub const NEW_EPOCH: &str = "new-epoch";
/// The space that is set aside for a full disk.
pub const RESERVE: &str = "reserve";
/// The directory of the deduplication runs.
pub const RUNS: &str = "dedup";

/// Makes the next start on this directory begin a new epoch, for this reason.
///
/// # Errors
/// When the disk fails.
pub fn demand_epoch(data_dir: &Path, reason: &str) -> Result<()> {
    let path = data_dir.join(NEW_EPOCH);
    durable::replace(&path, reason.as_bytes(), 0o600).map_err(io_failure("write", &path))
}
