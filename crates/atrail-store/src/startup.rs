//! The first steps of a store that opens, also on a full disk, where reading, deleting and logging in are to go on.

use std::path::Path;
use std::sync::Arc;

use atrail_model::Clock;

use crate::catalog::Catalog;
use crate::durable::DirLock;
use crate::error::{Result, StoreError, is_full};
use crate::evidence::Evidence;
use crate::reserve::Reserve;
use crate::settings::StoreSettings;
use crate::space;
use crate::task::off_thread;
use crate::timekeeper::Timekeeper;
use crate::wal::{FileWal, NewLog, Replay};

/// Takes the directory for this process, making it when it is not there.
pub(crate) fn lock_dir(dir: &Path) -> Result<DirLock> {
    let failed = |what: &str| {
        let what = format!("cannot {what} the data directory {}", dir.display());
        |source| StoreError::Directory { what, source }
    };
    crate::durable::create_dir(dir).map_err(failed("make"))?;
    DirLock::acquire(dir).map_err(failed("lock"))?.ok_or_else(|| {
        StoreError::Conflict(format!(
            "another atrail server uses the data directory {}: stop it first, or choose another directory",
            dir.display()
        ))
    })
}

/// A new catalog beside an old archive would be a new server that knows none of its events.
pub(crate) fn refuse_without_catalog(dir: &Path) -> Result<()> {
    let holds = |name: &str| {
        std::fs::read_dir(dir.join(name)).is_ok_and(|mut entries| entries.next().is_some())
    };
    if dir.join("catalog.sqlite").exists() || !(holds("archive") || holds("wal")) {
        return Ok(());
    }
    Err(StoreError::Damaged {
        what: format!("the data directory {}", dir.display()),
        why: "it holds events, but catalog.sqlite is missing. Restore a backup, or make a new catalog of what is there: \
              atrail admin recover --data DIR"
            .to_owned(),
    })
}

/// Sets space aside before anything else is written.
pub(crate) async fn set_aside(settings: &StoreSettings) -> Result<Arc<Reserve>> {
    let (dir, size_bytes) = (settings.data_dir.clone(), settings.reserve_bytes);
    off_thread(move || Ok(Arc::new(Reserve::new(&dir, size_bytes)))).await
}

/// Opens the catalog, with the logs of its domains as they were left, and goes on from the time that it knows to have passed; on a
/// full disk with the space that is set aside.
pub(crate) async fn open_catalog(
    dir: &Path,
    evidence: &Evidence,
    clock: &Arc<dyn Clock>,
    reserve: &Reserve,
) -> Result<(Catalog, Timekeeper)> {
    let open = async || {
        let verifier_key = evidence.verifier_key().await.to_string();
        let catalog = Catalog::open(&dir.join("catalog.sqlite"), verifier_key).await?;
        // Before anything is written that has this moment's date.
        let time = Timekeeper::open(&catalog, Arc::clone(clock)).await?;
        evidence.finish_rotation(&catalog).await?;
        evidence.go_on(&catalog, clock.now()).await?;
        Ok((catalog, time))
    };
    let opened = open().await.map_err(|error| space::told(error, dir));
    if is_full(&opened) && reserve.release() {
        return open().await;
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
