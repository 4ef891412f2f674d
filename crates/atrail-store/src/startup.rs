//! The first steps of a store that opens, even on a full disk, where reading, deleting and logging in must still work.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use atrail_archive::Blobs;
use atrail_catalog::{Catalog, Remote};
use atrail_disk::data_dir::{
    ARCHIVE, ARCHIVE_HOME, CACHE, CATALOG, CATALOG_HOME, CATALOG_LOG, CHECKPOINTS,
    INITIAL_CREDENTIALS, KEYS, LOG, NEW_EPOCH, RESERVE, RUNS,
};
use atrail_disk::{
    DirLock, Reserve, Result, StoreError, durable, io_failure, is_full, off_thread, space,
};
use atrail_model::Clock;
use atrail_wal::Replay;

use crate::settings::StoreSettings;
use crate::signing::Signing;
use crate::take_in::{TakenIn, take_in};
use crate::timekeeper::Timekeeper;

/// Locks the directory for this process, and creates it when it does not exist.
pub(crate) fn lock_dir(dir: &Path) -> Result<DirLock> {
    let failed = |what: &str| {
        let what = format!("cannot {what} the data directory {}", dir.display());
        |source| StoreError::Directory { what, source }
    };
    durable::create_dir(dir).map_err(failed("make"))?;
    refuse_open_to_all(dir)?;
    let lock = DirLock::acquire(dir).map_err(failed("lock"))?;
    let mut lock = lock.ok_or_else(|| in_use(dir))?;
    keep_to_owner(dir)?;
    // Before anything is read: a second server that finds no lock file finds this lock.
    let log = dir.join(LOG);
    durable::create_dir(&log).map_err(io_failure("make the log directory", &log))?;
    if !lock.cover(dir).map_err(failed("lock"))? {
        return Err(in_use(dir));
    }
    Ok(lock)
}

fn in_use(dir: &Path) -> StoreError {
    StoreError::Conflict(format!(
        "another atrail server uses the data directory {}: stop it first, or choose another directory",
        dir.display()
    ))
}

/// Refuses a directory that everybody may write to: anybody could replace the catalog.
fn refuse_open_to_all(dir: &Path) -> Result<()> {
    let failed = || io_failure("look at the data directory", dir);
    let mode = std::fs::metadata(dir)
        .map_err(failed())?
        .permissions()
        .mode()
        & 0o777;
    if mode & 0o002 != 0 {
        return Err(StoreError::Conflict(format!(
            "everybody on this machine may write to the data directory {} (mode {mode:03o}): chmod 0700 it, or choose another",
            dir.display()
        )));
    }
    if mode & 0o077 != 0 {
        tracing::warn!(
            directory = %dir.display(),
            mode = format!("{mode:03o}"),
            "the data directory is open to others than the server's user: chmod 0700 it, unless they are meant to read the archive"
        );
    }
    Ok(())
}

/// The private entries of the directory. The archive may be readable by others on purpose.
const PRIVATE: [&str; 8] = [
    ARCHIVE_HOME,
    CACHE,
    CHECKPOINTS,
    RUNS,
    INITIAL_CREDENTIALS,
    KEYS,
    NEW_EPOCH,
    RESERVE,
];

/// Revokes the access of other users that an earlier version, or a copy, has left on private entries.
fn keep_to_owner(dir: &Path) -> Result<()> {
    for name in PRIVATE {
        let path = dir.join(name);
        match durable::make_private(&path) {
            Ok(false) => {}
            Ok(true) => {
                tracing::warn!(path = %path.display(), "other users could read this: it is private now");
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_failure("change the mode of", &path)(error)),
        }
    }
    Ok(())
}

/// Refuses an archive without a catalog: a new catalog would know none of its events. Refuses as well a directory whose
/// catalog is elsewhere than the settings say: in a file, or in the database of a server.
pub(crate) fn refuse_without_catalog(dir: &Path, is_remote: bool) -> Result<()> {
    let refuse = |why: &str| {
        Err(StoreError::Conflict(format!(
            "the data directory {}: {why}",
            dir.display()
        )))
    };
    if is_remote && dir.join(CATALOG).exists() {
        return refuse(
            "it has its own catalog, catalog.sqlite: leave out [store] catalog, or choose a new directory",
        );
    }
    if !is_remote && dir.join(CATALOG_HOME).exists() {
        return refuse(
            "its catalog is in PostgreSQL: set [store] catalog to the URL of its database",
        );
    }
    // The database itself tells whether it has a catalog of this directory.
    if is_remote || dir.join(CATALOG).exists() || !has_events(dir) {
        return Ok(());
    }
    if dir.join(ARCHIVE_HOME).exists() {
        return Err(StoreError::Damaged {
            what: format!("the data directory {}", dir.display()),
            why: "it and its bucket hold events, but catalog.sqlite is missing. Restore a copy of the data directory: the server adopts the objects that the copy does not know"
                .to_owned(),
        });
    }
    Err(StoreError::Damaged {
        what: format!("the data directory {}", dir.display()),
        why: "it holds events, but catalog.sqlite is missing. Restore a backup, or make a new catalog of what is there: \
              atrail admin recover --data DIR"
            .to_owned(),
    })
}

/// Reports whether the archive or the log has an entry.
fn has_events(dir: &Path) -> bool {
    let holds = |name: &str| {
        std::fs::read_dir(dir.join(name)).is_ok_and(|mut entries| entries.next().is_some())
    };
    holds(ARCHIVE) || holds(LOG)
}

/// Sets the reserve aside before anything else is written.
pub(crate) async fn set_aside(settings: &StoreSettings) -> Result<Arc<Reserve>> {
    let (dir, size_bytes) = (settings.data_dir.clone(), settings.reserve_bytes);
    off_thread(move || Ok(Arc::new(Reserve::new(&dir, size_bytes)))).await
}

/// Opens the catalog, with the logs of its domains as they were left, continues from its recorded passed time, and
/// reads the log of events; on a full disk it uses the reserve.
pub(crate) async fn open_catalog(
    dir: &Path,
    settings: &StoreSettings,
    signing: &Signing,
    clock: &Arc<dyn Clock>,
    (reserve, blobs): (&Reserve, &dyn Blobs),
) -> Result<(Catalog, Timekeeper, Replay)> {
    let open = async || {
        let verifier_key = signing.verifier_key().await.to_string();
        let log = dir.join(LOG);
        let replay = off_thread(move || Replay::read(&log)).await?;
        let catalog = match &settings.catalog {
            None => Catalog::open(&dir.join(CATALOG), verifier_key).await?,
            Some(url) => {
                let remote = Remote {
                    url,
                    home: &dir.join(CATALOG_HOME),
                    has_events: has_events(dir),
                };
                Catalog::open_remote(remote, verifier_key).await?
            }
        };
        // Before anything is written with the present date.
        let time = Timekeeper::open(&catalog, Arc::clone(clock)).await?;
        signing.finish_rotation(&catalog).await?;
        let now = clock.now();
        let TakenIn { replay, accounts } =
            take_in((dir, blobs), &catalog, signing, replay, now).await?;
        signing.go_on(&catalog, &accounts, now).await?;
        Ok((catalog, time, replay))
    };
    let opened = open().await.map_err(|error| space::explain(error, dir));
    if is_full(&opened) && reserve.release() {
        return open().await;
    }
    opened
}

/// Requires that these stay in their place from here on.
pub(crate) fn hold_in_place(dir: &Path, catalog: &Catalog, settings: &StoreSettings) -> Result<()> {
    let files = match settings.catalog {
        None => [CATALOG, CATALOG_LOG].as_slice(),
        Some(_) => &[CATALOG_HOME],
    };
    let archive = match settings.archive {
        None => ARCHIVE,
        Some(_) => ARCHIVE_HOME,
    };
    for &name in files.iter().chain(&[archive, LOG]) {
        let path = dir.join(name);
        match catalog.anchors().hold(&path) {
            // SQLite may not have created its file yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && name == CATALOG_LOG => {}
            held => held.map_err(io_failure("use", &path))?,
        }
    }
    Ok(())
}
