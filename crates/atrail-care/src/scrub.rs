//! Checks a whole data directory for damage, whether or not a server is running. Changes nothing.

mod index;
mod objects;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use atrail_archive::object::{Segment, object_id};
use atrail_archive::{Inspected, Variables, inspect};
use atrail_catalog::Catalog;
use atrail_catalog::offline::{Recorded, RecordedSegment};
use atrail_disk::data_dir::{CATALOG, LOG};
use atrail_disk::moving::refuse_moved;
use atrail_disk::{DirLock, Reader, Result, StoreError, chain, off_thread};
use atrail_model::{Day, Domain, Hour, Place};
use atrail_wal::{CheckedLog, check_log};
use futures_util::{StreamExt, stream};

use objects::{Objects, Places};

/// The options of a scrub.
#[derive(Debug, Clone, Default)]
pub struct ScrubOptions {
    /// Maximum bytes of objects to read per second; `None`: as fast as possible.
    pub bytes_per_second: Option<u64>,
    /// The environment's variables for the credentials and the region of a bucket.
    pub aws: Variables,
    /// The directory for what passes through on its way from a bucket.
    pub temp_dir: PathBuf,
}

/// The progress of a scrub.
#[derive(Debug)]
pub enum ScrubStep {
    /// There are this many bytes of objects to read.
    Total(u64),
    /// This many of them are read.
    Read(u64),
    /// A fault was found.
    Found(Finding),
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, below the data directory.
    pub path: String,
    /// The domain of its events, if it is an object.
    pub domain: Option<Domain>,
    /// Their day.
    pub day: Option<Day>,
    /// Their hour.
    pub hour: Option<Hour>,
    /// The fault.
    pub what: String,
    /// Whether the server mends it by itself, and no event is affected: so it is with the search index.
    pub is_repairable: bool,
}

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScrubReport {
    /// Objects read to their end.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Events in those that are sound.
    pub events: u64,
    /// Files of the log.
    pub log_files: u64,
    /// Sound frames in them.
    pub log_frames: u64,
    /// Sound files of the search index.
    pub index_files: u64,
    /// Number of faults, besides those that the server mends.
    pub findings: u64,
    /// Number of faults that the server mends by itself.
    pub repairable: u64,
    /// Whether a server is using the directory.
    pub beside_server: bool,
}

/// Objects of one query of the catalog.
const PAGE: u32 = 256;
/// Objects that are read at the same time.
const PARALLEL: usize = 2;

/// Checks the catalog, every object down to its lines, unknown files, the log, and the search index.
///
/// # Errors
/// When the catalog or a directory cannot be read at all: then the check is incomplete.
pub async fn scrub(
    data_dir: &Path,
    options: ScrubOptions,
    tell: &mut (dyn FnMut(ScrubStep) + Send),
) -> Result<ScrubReport> {
    refuse_moved(data_dir)?;
    let catalog = Catalog::open_read_only(&data_dir.join(CATALOG)).await?;
    let mut scrub = Scrub {
        places: Places::of(data_dir, &options)?,
        data_dir,
        catalog: &catalog,
        options,
        tell,
        report: ScrubReport {
            beside_server: is_served(data_dir)?,
            ..ScrubReport::default()
        },
    };
    let done = scrub.everything().await;
    let report = scrub.report;
    catalog.close().await;
    done.map(|()| report)
}

fn is_served(data_dir: &Path) -> Result<bool> {
    DirLock::is_held(data_dir).map_err(|source| StoreError::Directory {
        what: format!("cannot look at the lock of {}", data_dir.display()),
        source,
    })
}

struct Scrub<'a> {
    data_dir: &'a Path,
    places: Places,
    catalog: &'a Catalog,
    options: ScrubOptions,
    tell: &'a mut (dyn FnMut(ScrubStep) + Send),
    report: ScrubReport,
}

impl Scrub<'_> {
    async fn everything(&mut self) -> Result<()> {
        for what in self.catalog.integrity().await? {
            self.found(CATALOG.to_owned(), None, what);
        }
        let (_, total) = self.catalog.archive_size().await?;
        (self.tell)(ScrubStep::Total(total));
        self.objects().await?;
        self.strangers().await?;
        self.log().await?;
        self.index().await
    }

    fn found(&mut self, path: String, place: Option<Place>, what: String) {
        self.report.findings += 1;
        (self.tell)(ScrubStep::Found(Finding {
            path,
            domain: place.map(|place| place.domain),
            day: place.map(|place| place.day),
            hour: place.map(|place| place.hour),
            what,
            is_repairable: false,
        }));
    }

    fn found_repairable(&mut self, path: String, of: Option<(Domain, Day)>, what: String) {
        self.report.repairable += 1;
        (self.tell)(ScrubStep::Found(Finding {
            path,
            domain: of.map(|(domain, _)| domain),
            day: of.map(|(_, day)| day),
            hour: None,
            what,
            is_repairable: true,
        }));
    }

    async fn objects(&mut self) -> Result<()> {
        let started = Instant::now();
        let mut last = None;
        loop {
            let page = self.catalog.recorded_after(last, PAGE).await?;
            let Some(end) = page.last() else {
                return Ok(());
            };
            last = Some(end.file.id);
            let (catalog, archive) = (self.catalog.clone(), Arc::clone(&self.places.archive));
            let mut checks = stream::iter(page)
                .map(move |recorded| check_settled(catalog.clone(), Arc::clone(&archive), recorded))
                .buffered(PARALLEL);
            while let Some(checked) = checks.next().await {
                self.object(checked?);
                if let Some(rate) = self.options.bytes_per_second.filter(|rate| *rate > 0) {
                    let due = self.report.object_bytes as f64 / rate as f64;
                    let due = Duration::from_secs_f64(due);
                    tokio::time::sleep(due.saturating_sub(started.elapsed())).await;
                }
            }
        }
    }

    fn object(&mut self, checked: Option<(Recorded, Vec<String>)>) {
        let Some((recorded, faults)) = checked else {
            return;
        };
        self.report.objects += 1;
        self.report.object_bytes += recorded.file.size_bytes;
        if faults.is_empty() {
            self.report.events += recorded.segments.iter().map(|s| s.count).sum::<u64>();
        } else {
            let path = format!("archive/{}", recorded.file.path);
            self.found(path, Some(place_of(&recorded)), faults.join("; "));
        }
        (self.tell)(ScrubStep::Read(self.report.object_bytes));
    }

    /// Finds files of the archive that the catalog does not know.
    async fn strangers(&mut self) -> Result<()> {
        for path in self.places.archive.paths().await? {
            // The name of an unfinished object has a number after it.
            let (name, is_unfinished) = match path.rsplit_once('#') {
                Some((name, number)) if number.bytes().all(|b| b.is_ascii_digit()) => (name, true),
                _ => (&*path, false),
            };
            let id = name.rsplit('/').next().and_then(object_id);
            let known = match id {
                Some(id) => self.catalog.accounts_for(id, name).await?,
                None => false,
            };
            // A file that is gone by now was erased meanwhile.
            if known || !self.places.archive.has(&path).await? {
                continue;
            }
            let what = if is_unfinished {
                "the catalog does not know this file: a write that a crash cut short; it can be removed"
            } else {
                "the catalog does not know this file"
            };
            self.found(format!("archive/{path}"), None, what.to_owned());
        }
        Ok(())
    }

    async fn log(&mut self) -> Result<()> {
        let dir = self.data_dir.join(LOG);
        let (path, what) = match off_thread(move || check_log(&dir)).await {
            Ok(CheckedLog {
                files,
                frames,
                unreadable_tail,
                ..
            }) => {
                self.report.log_files = files;
                self.report.log_frames = frames;
                // A server's write in progress looks the same.
                match unreadable_tail.filter(|_| !self.report.beside_server) {
                    Some(tail) => (
                        LOG.to_owned(),
                        format!(
                            "{tail}: a write that a crash cut short, or damage of the last frames"
                        ),
                    ),
                    None => return Ok(()),
                }
            }
            Err(StoreError::Damaged { what, why }) => (LOG.to_owned(), format!("{what}: {why}")),
            Err(error) => return Err(error),
        };
        self.found(path, None, what);
        Ok(())
    }
}

/// Checks an object in its present state, after any seal, deletion or compaction meanwhile; returns `None` when it is
/// no longer an object.
async fn check_settled(
    catalog: Catalog,
    archive: Arc<Objects>,
    mut recorded: Recorded,
) -> Result<Option<(Recorded, Vec<String>)>> {
    loop {
        let opened = archive.open(&recorded.file.path).await?;
        let expected = recorded.clone();
        let faults = off_thread(move || Ok(check_object(opened, &expected))).await?;
        if faults.is_empty() {
            return Ok(Some((recorded, faults)));
        }
        match catalog.recorded(recorded.file.id).await? {
            None => return Ok(None),
            Some(now) if now == recorded => return Ok(Some((recorded, faults))),
            Some(now) => recorded = now,
        }
    }
}

/// Returns the faults of an object; none when it is sound.
fn check_object(opened: Option<std::io::Result<Reader>>, recorded: &Recorded) -> Vec<String> {
    let Some(opened) = opened else {
        return vec!["its file is missing".to_owned()];
    };
    let inspected = opened.and_then(|reader| inspect(reader.from_start(), |_| ()));
    match inspected {
        Ok(inspected) => compare(&inspected, recorded),
        Err(error) => vec![format!("its file cannot be read: {}", chain(&error))],
    }
}

fn compare(inspected: &Inspected, recorded: &Recorded) -> Vec<String> {
    let mut faults = Vec::new();
    let expected = &recorded.file;
    if inspected.size_bytes != expected.size_bytes {
        faults.push(format!(
            "it has {} bytes, the catalog says {}",
            inspected.size_bytes, expected.size_bytes
        ));
    }
    if inspected.sha256 != expected.sha256 {
        faults.push("its bytes do not match their SHA-256".to_owned());
    }
    match &inspected.content {
        Err(why) => faults.push(why.clone()),
        Ok(segments) => {
            if segments
                .iter()
                .any(|segment| segment.place != place_of(recorded))
            {
                faults.push("it states another place for its events".to_owned());
            }
            if !segments
                .iter()
                .map(as_recorded)
                .eq(recorded.segments.iter().copied())
            {
                faults.push("its segments are not those of the catalog".to_owned());
            }
        }
    }
    faults
}

fn as_recorded(segment: &Segment) -> RecordedSegment {
    RecordedSegment {
        id: segment.id,
        count: segment.count,
        size_bytes: segment.size_bytes,
        root: segment.root,
    }
}

fn place_of(recorded: &Recorded) -> Place {
    Place {
        domain: recorded.domain,
        day: recorded.file.day,
        hour: recorded.file.hour,
    }
}
