//! Copies a data directory as of one moment, whether or not a server is writing it.
//!
//! The order makes the copy consistent: first the log, then the catalog in one snapshot, then the objects that the
//! snapshot names. An event that was sealed after the log was copied is in the snapshot's objects; one that was sealed
//! before is skipped in the copied log by the snapshot's watermark; one that is not sealed is in the copied log alone.
//!
//! Everything except objects is gathered in a directory inside the target and moved to its place at the end, the
//! catalog last: until then an earlier backup in the same directory stays intact, and an unfinished one does not look
//! like a backup.

mod copy;
mod exchange;
mod runs;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use atrail_archive::object::object_id;
use atrail_catalog::Catalog;
use atrail_catalog::offline::Recorded;
use atrail_disk::data_dir::{
    ARCHIVE, CATALOG, INDEX, LOCK, LOG, MOVING_TO, RESERVE, RUNS, demand_epoch,
};
use atrail_disk::moving::refuse_moved;
use atrail_disk::{DirLock, Result, StoreError, durable, io_failure, list, off_thread};
use atrail_model::{Clock, ObjectId, SystemClock, format_timestamp};
use atrail_wal::sound_files;
use futures_util::{StreamExt, stream};

use crate::scrub::Finding;
use copy::{Outcome, copy_file, copy_object};
use exchange::{OUTGOING, exchange, put_back};
use runs::copy_runs;

/// The progress of a backup.
#[derive(Debug)]
pub enum BackupStep {
    /// There are this many bytes of objects to copy.
    Total(u64),
    /// This many of them are in the backup.
    Done(u64),
    /// An object is damaged in the data directory, and missing in the backup.
    Damaged(Finding),
}

/// The contents of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackupReport {
    /// Objects that its catalog names.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Bytes of the objects that this run copied; the others were in the backup already.
    pub copied_bytes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes of the catalog.
    pub catalog_bytes: u64,
    /// Objects that are damaged in the data directory, and missing in the backup.
    pub damaged: u64,
}

/// The directory for everything except objects until it is complete.
const STAGE: &str = ".incoming";
/// Entries of a data directory that are copied in their own way, or not at all. (Each may be a link.)
const APART: [&str; 9] = [
    ARCHIVE, INDEX, LOG, RUNS, LOCK, RESERVE, MOVING_TO, STAGE, OUTGOING,
];
const PAGE: u32 = 256;
const PARALLEL: usize = 2;
/// How often the catalog is copied again because objects that it names were removed meanwhile.
const SNAPSHOTS: usize = 10;

/// Copies a data directory into a new directory, or brings the backup in it up to date.
///
/// # Errors
/// When the target is something else, or the disk or the catalog fails: then the target holds no new backup.
pub async fn backup(
    data_dir: &Path,
    into: &Path,
    update: bool,
    tell: &mut (dyn FnMut(BackupStep) + Send),
) -> Result<BackupReport> {
    refuse_moved(data_dir)?;
    crate::in_bucket::refuse(data_dir, "a backup copies files, and not a bucket")?;
    let live = Catalog::open_read_only(&data_dir.join(CATALOG)).await?;
    let done = match prepare(data_dir, into, update) {
        Ok(lock) => {
            let mut backup = Backup {
                data_dir,
                into,
                stage: into.join(STAGE),
                live: &live,
                present: HashSet::new(),
                damaged: HashSet::new(),
                copied: Vec::new(),
                had_one: into.join(CATALOG).exists(),
                tell,
                report: BackupReport::default(),
            };
            let mut done = backup.everything().await;
            if done.is_err() {
                done = done.map_err(|error| backup.undone(error));
            }
            drop(lock);
            done.map(|()| backup.report)
        }
        Err(error) => Err(error),
    };
    live.close().await;
    done
}

/// Checks that the target is usable, and locks it against other users.
fn prepare(data_dir: &Path, into: &Path, update: bool) -> Result<DirLock> {
    let usable = io_failure("use the directory", into);
    let entries = match std::fs::read_dir(into) {
        Ok(entries) => entries.filter_map(Result::ok).count(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(usable(error)),
    };
    if entries > 0 && !update {
        return Err(StoreError::Conflict(format!(
            "{} is not empty: choose a new directory, or bring the backup in it up to date with --update",
            into.display()
        )));
    }
    let is_one = [CATALOG, STAGE, OUTGOING]
        .iter()
        .any(|name| into.join(name).exists());
    if entries > 0 && !is_one {
        return Err(StoreError::Conflict(format!(
            "{} holds no backup",
            into.display()
        )));
    }
    let (source, target) = (real(data_dir)?, real(into)?);
    if source.starts_with(&target) || target.starts_with(&source) {
        return Err(StoreError::Conflict(
            "a backup cannot lie in the data directory, nor hold it".to_owned(),
        ));
    }
    durable::create_dir(into).map_err(io_failure("make the directory", into))?;
    let lock = DirLock::acquire(into).map_err(io_failure("lock the directory", into))?;
    let lock = lock.ok_or_else(|| {
        StoreError::Conflict(format!(
            "a server or another backup uses {}",
            into.display()
        ))
    })?;
    put_back(into).map_err(io_failure("end what an earlier backup left in", into))?;
    Ok(lock)
}

/// Returns the place to which a path leads, even if it does not exist yet.
fn real(path: &Path) -> Result<PathBuf> {
    let failed = || io_failure("use the directory", path);
    let absolute = std::path::absolute(path).map_err(failed())?;
    let mut there = absolute.as_path();
    while !there.exists() {
        there = there
            .parent()
            .ok_or(io::ErrorKind::NotFound.into())
            .map_err(failed())?;
    }
    let missing = absolute.strip_prefix(there).unwrap_or(Path::new(""));
    Ok(there.canonicalize().map_err(failed())?.join(missing))
}

struct Backup<'a> {
    data_dir: &'a Path,
    into: &'a Path,
    stage: PathBuf,
    live: &'a Catalog,
    /// Objects that proved sound in the backup, or were copied to it, so far.
    present: HashSet<ObjectId>,
    damaged: HashSet<ObjectId>,
    /// The paths of the objects that this run copied to the backup.
    copied: Vec<PathBuf>,
    /// Whether there was a backup before.
    had_one: bool,
    tell: &'a mut (dyn FnMut(BackupStep) + Send),
    report: BackupReport,
}

impl Backup<'_> {
    async fn everything(&mut self) -> Result<()> {
        let stage = self.stage.clone();
        durable::remove_dir(&stage).map_err(io_failure("clear", &stage))?;
        durable::create_dir(&stage.join(LOG)).map_err(io_failure("make", &stage))?;
        self.report.log_bytes = self.copy_log().await?;
        let file = stage.join(CATALOG);
        for _ in 0..SNAPSHOTS {
            if file.exists() {
                durable::remove(&file).map_err(io_failure("remove", &file))?;
            }
            self.live.snapshot_into(&file).await?;
            durable::take_over(&file).map_err(io_failure("sync", &file))?;
            let snapshot = Catalog::open_read_only(&file).await?;
            let complete = self.copy_objects(&snapshot).await;
            let tidied = match complete {
                Ok(true) => self.strangers(&snapshot).await.map(Some),
                Ok(false) => Ok(None),
                Err(error) => Err(error),
            };
            snapshot.close().await;
            if let Some(strangers) = tidied? {
                // The copied keys are at least as new as the logs that name them.
                self.copy_other_files().await?;
                copy_runs(&self.data_dir.join(RUNS), &stage.join(RUNS)).await?;
                self.take_places()?;
                // Only now: an earlier backup needs them as long as it is valid.
                return remove_all(&strangers);
            }
        }
        Err(StoreError::Conflict(
            "the archive changes faster than it can be copied: try again".to_owned(),
        ))
    }

    async fn copy_log(&self) -> Result<u64> {
        let (from, to) = (self.data_dir.join(LOG), self.stage.join(LOG));
        off_thread(move || {
            let mut copied: Vec<(PathBuf, u64)> = Vec::new();
            sound_files(&from, |file| {
                let Some((name, bytes)) = file else {
                    return copied.drain(..).try_for_each(|(path, _)| {
                        durable::remove(&path).map_err(io_failure("remove", &path))
                    });
                };
                let path = to.join(name);
                durable::write_new(&path, bytes, 0o600).map_err(io_failure("write", &path))?;
                copied.push((path, bytes.len() as u64));
                Ok(())
            })?;
            Ok(copied.iter().map(|(_, bytes)| bytes).sum())
        })
        .await
    }

    /// Copies keys, and all other files of the directory.
    async fn copy_other_files(&self) -> Result<()> {
        let mut dirs = vec![self.data_dir.to_owned()];
        while let Some(dir) = dirs.pop() {
            let is_top = dir == self.data_dir;
            let (files, below) = list(dir).await?;
            let is_apart = |path: &Path| is_top && APART.iter().any(|name| path.ends_with(name));
            dirs.extend(below.into_iter().filter(|dir| !is_apart(dir)));
            for file in files {
                let Ok(path) = file.strip_prefix(self.data_dir) else {
                    continue;
                };
                let name = path.to_string_lossy();
                let is_unfinished = name
                    .rsplit('/')
                    .next()
                    .is_some_and(|name| name.starts_with('.') && name.ends_with(".tmp"));
                if is_unfinished || is_apart(&file) || (is_top && name.starts_with(CATALOG)) {
                    continue;
                }
                copy_file(&file, &self.stage.join(path))?;
            }
        }
        // The copy lacks later signatures of the server: a server that starts on it must not sign another history in
        // their place.
        let moment = format_timestamp(SystemClock.now());
        demand_epoch(&self.stage, &format!("a backup of {moment} was restored"))
    }

    /// Copies missing objects; returns `false` when an object that the snapshot names is gone.
    async fn copy_objects(&mut self, snapshot: &Catalog) -> Result<bool> {
        let (objects, total) = snapshot.archive_size().await?;
        (self.tell)(BackupStep::Total(total));
        self.report.objects = objects;
        self.report.object_bytes = total;
        let (mut last, mut done) = (None, 0);
        loop {
            let page = snapshot.recorded_after(last, PAGE).await?;
            let Some(end) = page.last() else {
                break;
            };
            last = Some(end.file.id);
            let missing = page.into_iter().filter(|recorded| {
                let is_there = self.present.contains(&recorded.file.id);
                if is_there {
                    done += recorded.file.size_bytes;
                }
                !is_there
            });
            let missing: Vec<_> = missing.collect();
            let (from, to) = (self.data_dir.join(ARCHIVE), self.into.join(ARCHIVE));
            let mut copies = stream::iter(missing)
                .map(move |recorded| copy_object(from.clone(), to.clone(), recorded))
                .buffered(PARALLEL);
            while let Some(copied) = copies.next().await {
                let (recorded, outcome) = copied?;
                done += recorded.file.size_bytes;
                match outcome {
                    Outcome::Copied => {
                        self.report.copied_bytes += recorded.file.size_bytes;
                        self.copied
                            .push(self.into.join(ARCHIVE).join(&recorded.file.path));
                    }
                    Outcome::WasThere => {}
                    Outcome::Unfit(why) => {
                        if self.live.recorded(recorded.file.id).await?.as_ref() != Some(&recorded) {
                            return Ok(false);
                        }
                        self.damaged(&recorded, why);
                        continue;
                    }
                }
                self.present.insert(recorded.file.id);
                (self.tell)(BackupStep::Done(done));
            }
        }
        Ok(true)
    }

    fn damaged(&mut self, recorded: &Recorded, what: String) {
        if self.damaged.insert(recorded.file.id) {
            self.report.damaged += 1;
            (self.tell)(BackupStep::Damaged(Finding {
                path: format!("archive/{}", recorded.file.path),
                domain: Some(recorded.domain),
                day: Some(recorded.file.day),
                hour: Some(recorded.file.hour),
                what,
                is_repairable: false,
            }));
        }
    }

    /// Returns the paths of objects from an earlier backup or snapshot that the present snapshot does not name.
    async fn strangers(&mut self, snapshot: &Catalog) -> Result<Vec<PathBuf>> {
        let archive = self.into.join(ARCHIVE);
        durable::create_dir(&archive).map_err(io_failure("make", &archive))?;
        let mut strangers = Vec::new();
        let mut dirs = vec![archive.clone()];
        while let Some(dir) = dirs.pop() {
            let (files, below) = list(dir).await?;
            dirs.extend(below);
            for file in files {
                let path = file.strip_prefix(&archive).map(Path::to_string_lossy);
                let path = path.unwrap_or_default();
                let known = match path.rsplit('/').next().and_then(object_id) {
                    Some(id) => snapshot.accounts_for(id, &path).await?,
                    None => false,
                };
                if !known {
                    strangers.push(file);
                }
            }
        }
        Ok(strangers)
    }

    /// Removes the objects that a failed backup copied beside an earlier one. (Without an earlier one they stay, so
    /// that they need not be copied again.)
    fn undone(&self, error: StoreError) -> StoreError {
        if self.had_one && self.report.catalog_bytes == 0 {
            let left = self
                .copied
                .iter()
                .filter(|path| durable::remove_if_there(path).is_err());
            let left = left.count() + usize::from(durable::remove_dir(&self.stage).is_err());
            if left > 0 {
                tracing::warn!(
                    left,
                    "some files that were copied beside the earlier backup remain"
                );
            }
        }
        error
    }

    /// Moves the files to their places: from this moment on the backup is valid.
    fn take_places(&mut self) -> Result<()> {
        let failed = || io_failure("complete the backup in", self.into);
        let catalog = self.stage.join(CATALOG);
        let size = std::fs::metadata(&catalog).map_err(failed())?.len();
        durable::sync_file_system(self.into).map_err(failed())?;
        let exchanged = exchange(&self.stage, self.into);
        if !catalog.exists() {
            // The catalog is in its place, whatever failed afterwards: the copied objects belong to it.
            self.report.catalog_bytes = size;
        }
        exchanged.map_err(failed())?;
        durable::remove_dir(&self.stage).map_err(io_failure(
            "remove, after the backup was completed,",
            &self.stage,
        ))
    }
}

/// Removes files that only an earlier backup needed; tries each of them.
fn remove_all(strangers: &[PathBuf]) -> Result<()> {
    let mut failed = None;
    for file in strangers {
        let gone = durable::ensure_gone(file);
        let gone = gone.map_err(io_failure("remove, after the backup was completed,", file));
        failed = failed.or(gone.err());
    }
    failed.map_or(Ok(()), Err)
}
