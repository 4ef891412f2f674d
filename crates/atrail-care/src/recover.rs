//! Rebuilds a lost catalog from the archive's description of itself.
//!
//! Objects describe themselves: domain, day, hour, count, root. Everything else is lost with the catalog: names, users,
//! roles, keys, sessions, retention. Each object is read to its last line before it is adopted. The new catalog is
//! built under another name and moved to its place at the end; until then nothing existing is changed, except the log,
//! from which the events are removed that the archive has.

mod log;
mod tenancy;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_archive::inspect;
use atrail_archive::object::{object_id, object_path};
use atrail_catalog::Catalog;
use atrail_catalog::adopt::Adopted;
use atrail_catalog::domains::DomainRow;
use atrail_catalog::offline::in_postgres;
use atrail_disk::data_dir::{ARCHIVE, CATALOG, CATALOG_HOME, LOG, demand_epoch};
use atrail_disk::moving::refuse_moved;
use atrail_disk::{DirLock, Result, StoreError, durable, io_failure, list, off_thread};
use atrail_evidence::LeafHash;
use atrail_model::{Clock, Domain, Place, SegmentId};
use futures_util::{StreamExt, stream};

use crate::scrub::Finding;
pub use log::LostLog;
pub use tenancy::{RecoveredDomain, beside};

/// The progress of a recovery.
#[derive(Debug)]
pub enum RecoverStep {
    /// There are this many bytes of files to read.
    Total(u64),
    /// This many of them are read.
    Read(u64),
    /// A file stays where it is, outside the new catalog.
    Left(Finding),
}

/// The result of a recovery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoverReport {
    /// The domains of the new catalog.
    pub domains: Vec<RecoveredDomain>,
    /// Events that are only in the log; the next start of the server recovers them.
    pub log_events: u64,
    /// Files that stay outside because of a fault.
    pub left: u64,
    /// Objects that stay outside because another one has their segments.
    pub superseded: u64,
    /// The new path of the previous catalog.
    pub moved_aside: Option<PathBuf>,
}

const MAKING: &str = "catalog.sqlite.recovering";
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", "-journal"];
const PARALLEL: usize = 2;

/// Builds a new catalog from the archive and the log. No server may run on the directory.
///
/// # Errors
/// When there is a sound catalog and `force` is false, when the log is damaged, or the disk fails.
pub async fn recover(
    data_dir: &Path,
    force: bool,
    clock: &dyn Clock,
    tell: &mut (dyn FnMut(RecoverStep) + Send),
) -> Result<RecoverReport> {
    refuse_moved(data_dir)?;
    crate::in_bucket::refuse(
        data_dir,
        "a new catalog is made of files, and not of a bucket",
    )?;
    if !data_dir.join(ARCHIVE).is_dir() && !data_dir.join(LOG).is_dir() {
        return Err(StoreError::NotFound {
            what: format!("archive and log in {}", data_dir.display()),
        });
    }
    let lock = DirLock::acquire(data_dir).map_err(io_failure("lock", data_dir))?;
    let Some(_lock) = lock else {
        return Err(StoreError::Conflict(format!(
            "a server uses the data directory {}: stop it first",
            data_dir.display()
        )));
    };
    if data_dir.join(CATALOG_HOME).exists() {
        return Err(in_postgres());
    }
    if !force {
        refuse_sound(&data_dir.join(CATALOG)).await?;
    }
    let wal = data_dir.join(LOG);
    let log = off_thread(move || LostLog::read(&wal)).await?;
    remove_all(&data_dir.join(MAKING))?;
    // Logs begin at the next start, under the key of that start.
    let catalog = Catalog::open(&data_dir.join(MAKING), String::new()).await?;
    let mut recovery = Recovery {
        data_dir,
        archive: data_dir.join(ARCHIVE),
        catalog: &catalog,
        log: Arc::new(log),
        read: 0,
        tell,
        report: RecoverReport::default(),
    };
    let done = recovery.everything(clock).await;
    let Recovery {
        log, mut report, ..
    } = recovery;
    catalog.close().await;
    done?;
    let log = Arc::into_inner(log).ok_or(StoreError::Closed)?;
    let wal = data_dir.join(LOG);
    (report.log_events, _) = off_thread(move || log.keep_unsealed(&wal)).await?;
    report.moved_aside = move_aside(data_dir, clock)?;
    let made = data_dir.join(MAKING);
    durable::take_over(&made).map_err(io_failure("sync", &made))?;
    demand_epoch(
        data_dir,
        "the catalog was lost and made anew of the archive",
    )?;
    durable::rename(&made, &data_dir.join(CATALOG)).map_err(io_failure("name", &made))?;
    Ok(report)
}

/// Refuses to replace a readable catalog, which has everything that a new one would lack.
async fn refuse_sound(file: &Path) -> Result<()> {
    let opened = match Catalog::open_read_only(file).await {
        // A catalog of another version is not damaged.
        Err(error @ StoreError::Conflict(_)) => return Err(error),
        Err(_) => return Ok(()),
        Ok(catalog) => catalog,
    };
    let found = opened.integrity().await;
    opened.close().await;
    if found.is_ok_and(|found| found.is_empty()) {
        return Err(StoreError::Conflict(format!(
            "the catalog {} is sound: with --force it is moved aside and a new one made, without names, users, roles, \
             sessions and retention",
            file.display()
        )));
    }
    Ok(())
}

/// Moves the old catalog away, with the files that belong to it.
fn move_aside(data_dir: &Path, clock: &dyn Clock) -> Result<Option<PathBuf>> {
    let moment = clock.now().as_second();
    let lost = data_dir.join(format!("{CATALOG}.lost-{moment}"));
    let mut moved = None;
    for suffix in SUFFIXES {
        let from = data_dir.join(format!("{CATALOG}{suffix}"));
        if from.exists() {
            let to = PathBuf::from(format!("{}{suffix}", lost.display()));
            durable::rename(&from, &to).map_err(io_failure("move aside", &from))?;
            moved.get_or_insert(to);
        }
    }
    Ok(moved)
}

fn remove_all(file: &Path) -> Result<()> {
    for suffix in SUFFIXES {
        let path = PathBuf::from(format!("{}{suffix}", file.display()));
        if path.exists() {
            durable::remove(&path).map_err(io_failure("remove", &path))?;
        }
    }
    Ok(())
}

struct Recovery<'a> {
    data_dir: &'a Path,
    archive: PathBuf,
    catalog: &'a Catalog,
    log: Arc<LostLog>,
    read: u64,
    tell: &'a mut (dyn FnMut(RecoverStep) + Send),
    report: RecoverReport,
}

/// A file of the archive, after it was read.
struct Candidate {
    path: String,
    size_bytes: u64,
    outcome: Result<(Adopted, Vec<LoggedLeaf>), String>,
}

impl Recovery<'_> {
    async fn everything(&mut self, clock: &dyn Clock) -> Result<()> {
        let (_, tops) = list(self.archive.clone()).await?;
        let domains: BTreeSet<Domain> = tops
            .iter()
            .filter_map(|dir| {
                dir.file_name()?
                    .to_str()?
                    .strip_prefix("domain=")?
                    .parse()
                    .ok()
            })
            .chain(self.log.domains())
            .collect();
        let found = tenancy::placeholders(&domains);
        let domains = self.catalog.adopt_tenancy(&found, clock.now()).await?;
        self.report.domains = tenancy::named(&found);
        let total = self.walk_size().await?;
        (self.tell)(RecoverStep::Total(total));
        let mut dirs = vec![self.archive.clone()];
        while let Some(dir) = dirs.pop() {
            let (files, below) = list(dir).await?;
            dirs.extend(below.into_iter().rev());
            self.one_dir(files, &domains).await?;
        }
        Ok(())
    }

    async fn walk_size(&self) -> Result<u64> {
        let (mut total, mut dirs) = (0, vec![self.archive.clone()]);
        while let Some(dir) = dirs.pop() {
            let (files, below) = list(dir).await?;
            dirs.extend(below);
            let sizes = files.iter().filter_map(|file| file.symlink_metadata().ok());
            total += sizes.map(|data| data.len()).sum::<u64>();
        }
        Ok(total)
    }

    /// Adopts the objects of one directory. All objects of an hour are in one directory, so only here a segment can
    /// occur twice.
    async fn one_dir(
        &mut self,
        files: Vec<PathBuf>,
        domains: &HashMap<Domain, DomainRow>,
    ) -> Result<()> {
        let (archive, log) = (self.archive.clone(), Arc::clone(&self.log));
        let mut reading = stream::iter(files)
            .map(move |file| {
                let (archive, log) = (archive.clone(), Arc::clone(&log));
                off_thread(move || Ok(candidate(&archive, &file, &log)))
            })
            .buffered(PARALLEL);
        let mut sound = Vec::new();
        while let Some(read) = reading.next().await {
            let Candidate {
                path,
                size_bytes,
                outcome,
            } = read?;
            self.read += size_bytes;
            (self.tell)(RecoverStep::Read(self.read));
            match outcome {
                Ok(object) => sound.push(object),
                Err(why) => self.leave(path, why),
            }
        }
        drop(reading);
        // The object of a compaction replaces its sources.
        sound.sort_by_key(|(object, _)| (std::cmp::Reverse(object.segments.len()), object.id));
        let mut seen: HashSet<SegmentId> = HashSet::new();
        let mut adopted = Vec::new();
        for (object, leaves) in sound {
            let own: HashSet<_> = object.segments.iter().map(|segment| segment.id).collect();
            if own.is_subset(&seen) {
                self.report.superseded += 1;
            } else if own.len() < object.segments.len() || !own.is_disjoint(&seen) {
                let why = "it shares some of its segments, and not all, with another object";
                self.leave(object.path, why.to_owned());
            } else {
                seen.extend(own);
                adopted.push((object, leaves));
            }
        }
        self.adopt(adopted, domains).await
    }

    async fn adopt(
        &mut self,
        adopted: Vec<(Adopted, Vec<LoggedLeaf>)>,
        domains: &HashMap<Domain, DomainRow>,
    ) -> Result<()> {
        let mut objects = Vec::new();
        for (object, leaves) in adopted {
            let Some(place) = object.segments.first().map(|first| first.place) else {
                continue;
            };
            // No reader is left: each has ended with its answer.
            let log = Arc::get_mut(&mut self.log).ok_or(StoreError::Closed)?;
            let logged = leaves.iter();
            logged.for_each(|(_, leaf)| log.is_archived(place, *leaf));
            let domain = self.report.domains.iter_mut();
            for domain in domain.filter(|domain| domain.domain == place.domain) {
                domain.objects += 1;
                domain.events += object.segments.iter().map(|s| s.count).sum::<u64>();
            }
            objects.push(object);
        }
        if objects.is_empty() {
            return Ok(());
        }
        self.catalog.adopt_objects(domains, &objects).await
    }

    fn leave(&mut self, path: String, what: String) {
        self.report.left += 1;
        let shown = self
            .archive
            .strip_prefix(self.data_dir)
            .unwrap_or(&self.archive);
        (self.tell)(RecoverStep::Left(Finding {
            path: format!("{}/{path}", shown.display()),
            domain: None,
            day: None,
            hour: None,
            what,
            is_repairable: false,
        }));
    }
}

/// Reads a file to its end, and collects those of its events that the log has, too.
fn candidate(archive: &Path, file: &Path, log: &LostLog) -> Candidate {
    let path = file.strip_prefix(archive).unwrap_or(file);
    let path = path.to_string_lossy().into_owned();
    let mut size_bytes = 0;
    let outcome = File::open(file)
        .map_err(|error| format!("it cannot be read: {error}"))
        .and_then(|file| read(file, &path, log, &mut size_bytes));
    Candidate {
        path,
        size_bytes,
        outcome,
    }
}

/// An event of an object that the log has, too: the number of lines before it, and its hash.
pub type LoggedLeaf = (u64, LeafHash);

/// Reads an object to its end. Returns it with those of its events that the log has, or the reason why it is not an
/// object. `size_bytes` becomes its length.
pub fn read(
    object: impl std::io::Read,
    path: &str,
    log: &LostLog,
    size_bytes: &mut u64,
) -> Result<(Adopted, Vec<LoggedLeaf>), String> {
    let id = path.rsplit('/').next().and_then(object_id);
    let id = id.ok_or("its name is not that of an object")?;
    let place = place_of_path(path).ok_or("it is not in the directory of an hour")?;
    let mut leaves = Vec::new();
    let mut lines = 0..;
    let on_leaf = |leaf| {
        let at = lines.next().unwrap_or(u64::MAX);
        if log.has(place, leaf) {
            leaves.push((at, leaf));
        }
    };
    let inspected =
        inspect(object, on_leaf).map_err(|error| format!("it cannot be read: {error}"))?;
    *size_bytes = inspected.size_bytes;
    let segments = inspected.content?;
    if segments
        .first()
        .map(|first| object_path(first.place, id))
        .as_deref()
        != Some(path)
    {
        return Err("it states another place for its events".to_owned());
    }
    let object = Adopted {
        id,
        path: path.to_owned(),
        size_bytes: inspected.size_bytes,
        sha256: inspected.sha256,
        segments,
    };
    Ok((object, leaves))
}

fn place_of_path(path: &str) -> Option<Place> {
    let mut parts = path.split('/');
    let place = Place {
        domain: parts.next()?.strip_prefix("domain=")?.parse().ok()?,
        day: parts.next()?.strip_prefix("date=")?.parse().ok()?,
        hour: atrail_model::Hour::new(parts.next()?.strip_prefix("hour=")?.parse().ok()?)?,
    };
    (parts.count() == 1).then_some(place)
}
