//! Starting on a full disk, where reading, deleting and logging in are to go on.

use std::path::Path;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::error::{Result, is_full};
use crate::reserve::Reserve;
use crate::settings::StoreSettings;
use crate::space;
use crate::task::off_thread;
use crate::wal::{FileWal, NewLog, Replay};

/// Sets space aside before anything else is written.
pub(crate) async fn set_aside(settings: &StoreSettings) -> Result<Arc<Reserve>> {
    let (dir, size_bytes) = (settings.data_dir.clone(), settings.reserve_bytes);
    off_thread(move || Ok(Arc::new(Reserve::new(&dir, size_bytes)))).await
}

/// Opens the catalog; on a full disk with the space that is set aside.
pub(crate) async fn open_catalog(
    dir: &Path,
    verifier_key: &str,
    reserve: &Reserve,
) -> Result<Catalog> {
    let file = dir.join("catalog.sqlite");
    let opened = Catalog::open(&file, verifier_key.to_owned()).await;
    let opened = opened.map_err(|error| space::told(error, dir));
    if is_full(&opened) && reserve.release() {
        return Catalog::open(&file, verifier_key.to_owned()).await;
    }
    opened
}

/// Begins the new log; on a full disk with no more than it needs, and at last with the space that is set aside. Whether
/// it was like that.
pub(crate) fn begin_log(
    dir: &Path,
    replay: &Replay,
    new: NewLog<'_>,
    reserve: &Reserve,
) -> Result<(FileWal, bool)> {
    let roomy = FileWal::restart(dir, replay, &new).map(|wal| (wal, false));
    if !is_full(&roomy) {
        return roomy;
    }
    let cramped = NewLog {
        is_cramped: true,
        ..new
    };
    let begun = FileWal::restart(dir, replay, &cramped);
    let begun = if is_full(&begun) && reserve.release() {
        FileWal::restart(dir, replay, &cramped)
    } else {
        begun
    };
    begun.map(|wal| (wal, true))
}
