//! Knows which events were sealed lately, so that a repeated event is stored once (DESIGN invariant 3).
//!
//! Each seal leaves one *run*: the sorted keys of its events, each with its segment. A run counts only as far as the
//! catalog still has the segment: then the original is durable, and no run can vouch for an event that was deleted or
//! whose seal failed. The journal knows the unsealed events.

mod filter;
#[cfg(feature = "internals")]
pub(crate) mod fuzzing;
mod key;
mod merge;
mod run;
pub(crate) mod runs;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use atrail_archive::object::{HourLines, Segment};
use atrail_disk::{Result, StoreError};
use atrail_model::{Domain, ObjectId, Place, SegmentId, Timestamp};
use atrail_wal::{NewEvent, Pending};
use parking_lot::{Mutex, RwLock};

use key::Key;
use run::{Entry, Head, Run, place_number};
use runs::{Runs, WriteAt};

/// The runs of a store.
#[derive(Debug)]
pub(crate) struct Dedup {
    kept: Arc<dyn Runs>,
    window_secs: i64,
    memory_bytes: usize,
    runs: RwLock<Vec<Arc<Run>>>,
    loaded: Mutex<Loaded>,
    /// One task at a time looks for the runs of other nodes.
    #[cfg(feature = "cluster")]
    refreshing: Mutex<()>,
}

/// The runs whose index is in memory, in the order of loading.
#[derive(Debug, Default)]
struct Loaded {
    runs: VecDeque<LoadedRun>,
    bytes: usize,
}

/// A run whose index is in memory.
#[derive(Debug)]
struct LoadedRun {
    run: Arc<Run>,
    /// Bytes of the index.
    size_bytes: usize,
    /// The domain whose event it was read for.
    for_domain: Domain,
}

impl Loaded {
    /// Removes and returns the oldest run of the domain for which most is loaded, but never `newest`.
    fn greediest_but(&mut self, newest: &Arc<Run>) -> Option<LoadedRun> {
        let mut by_domain: HashMap<Domain, usize> = HashMap::new();
        for one in &self.runs {
            *by_domain.entry(one.for_domain).or_default() += one.size_bytes;
        }
        let mut oldest: Option<(usize, usize)> = None;
        for (at, one) in self.runs.iter().enumerate() {
            let holds = by_domain[&one.for_domain];
            let is_more = oldest.is_none_or(|(most, _)| holds > most);
            if is_more && !Arc::ptr_eq(&one.run, newest) {
                oldest = Some((holds, at));
            }
        }
        oldest.and_then(|(_, at)| self.runs.remove(at))
    }
}

/// The resources of the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DedupStats {
    /// Number of runs.
    pub runs: u64,
    /// Events in them.
    pub events: u64,
    /// Bytes of their indexes in memory.
    pub memory_bytes: u64,
}

/// How long runs are not merged again after a failure, in seconds: another attempt costs as much.
const REST_SECS: i64 = 600;

/// Number of indexes in memory, each with its file open.
const LOADED_MAX: usize = 256;

/// A run that is durable and does not count yet.
#[derive(Debug)]
pub(crate) struct NewRun(Option<String>);

/// An event that may have been sealed before: its place in the request, and the segment that has it if that still
/// exists.
pub(crate) type Suspect = (usize, SegmentId);

impl Dedup {
    /// Opens the stored runs. It skips and removes an unreadable run: events in it may then be stored a second time,
    /// and nothing is lost.
    ///
    /// # Errors
    /// When the runs cannot be listed, or one cannot be read at the moment.
    pub(crate) fn open(kept: Arc<dyn Runs>, window: Duration, memory_bytes: usize) -> Result<Self> {
        let failed = |source| StoreError::Directory {
            what: "cannot read the runs of sealed events".to_owned(),
            source,
        };
        let mut runs = Vec::new();
        for name in kept.names().map_err(failed)? {
            match Run::open(&kept, &name) {
                Ok(run) => runs.push(Arc::new(run)),
                Err(error) if is_hopeless(&error) => abandon(&*kept, &name, &error),
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(Self {
            kept,
            window_secs: i64::try_from(window.as_secs()).unwrap_or(i64::MAX),
            memory_bytes,
            runs: RwLock::new(runs),
            loaded: Mutex::default(),
            #[cfg(feature = "cluster")]
            refreshing: Mutex::default(),
        })
    }

    /// Opens the runs that other nodes have added, and lets go of those that they removed.
    ///
    /// # Errors
    /// When the runs cannot be listed, or one cannot be read at the moment: then some of their events are not known here.
    #[cfg(feature = "cluster")]
    pub(crate) fn refresh(&self) -> Result<()> {
        let failed = |source| StoreError::Directory {
            what: "cannot read the runs of events that other nodes sealed".to_owned(),
            source,
        };
        let _turn = self.refreshing.lock();
        for is_last in [false, false, true] {
            // Before the list: what is added here meanwhile is not in it, and stays.
            let known: Vec<_> = self.runs.read().clone();
            let names: BTreeSet<_> = self.kept.names().map_err(failed)?.into_iter().collect();
            let mut is_whole = true;
            for name in &names {
                if known.iter().any(|run| run.name == *name) {
                    continue;
                }
                match Run::open(&self.kept, name) {
                    Ok(run) => self.count(run),
                    // Another node has merged it with others since.
                    Err(error) if error.kind() == io::ErrorKind::NotFound && !is_last => {
                        is_whole = false;
                    }
                    Err(error) if is_hopeless(&error) => abandon(&*self.kept, name, &error),
                    Err(error) => return Err(failed(error)),
                }
            }
            if is_whole {
                let gone: Vec<_> = known
                    .into_iter()
                    .filter(|run| !names.contains(&run.name))
                    .collect();
                self.drop_from_list(&gone);
                for run in gone {
                    self.kept.forget_copy(&run.name).map_err(failed)?;
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Has an opened run count, once.
    fn count(&self, run: Run) {
        let mut runs = self.runs.write();
        if !runs.iter().any(|one| one.name == run.name) {
            runs.push(Arc::new(run));
        }
    }

    /// Reports whether repeated events are detected at all.
    pub(crate) const fn is_on(&self) -> bool {
        self.window_secs > 0
    }

    /// Reports whether looking up these events loads no index, which would block an async thread.
    pub(crate) fn is_loaded_for(&self, domain: Domain, events: &[NewEvent]) -> bool {
        let places: BTreeSet<_> = events
            .iter()
            .map(|event| place_number(domain, event.day, event.hour))
            .collect();
        let runs = self.runs.read();
        let mut wanted = runs
            .iter()
            .filter(|run| places.iter().any(|place| run.covers(*place)));
        wanted.all(|run| run.is_loaded())
    }

    /// Returns the events that runs have, each with every segment that may have it. Reads files: an async thread must
    /// not call it for many events, or when [`Self::is_loaded_for`] returns `false`.
    pub(crate) fn suspects(&self, domain: Domain, events: &[NewEvent]) -> Vec<Suspect> {
        let runs = self.runs.read().clone();
        if runs.is_empty() {
            return Vec::new();
        }
        let mut by_place: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, event) in events.iter().enumerate() {
            let place = place_number(domain, event.day, event.hour);
            by_place.entry(place).or_default().push(at);
        }
        let mut suspects = Vec::new();
        for (place, asked) in by_place {
            // All of them, even after one has the event: its segment may be gone, or was never committed.
            for run in runs.iter().filter(|run| run.covers(place)) {
                let found = self.look_in(run, domain, events, &asked);
                match found {
                    Ok(found) => suspects.extend(found),
                    // Merged or expired since the list was copied: its contents are in another one.
                    Err(_) if !self.is_listed(run) => return self.suspects(domain, events),
                    Err(error) if is_hopeless(&error) => self.give_up(run, &error),
                    Err(error) => tracing::error!(
                        run = run.name,
                        %error,
                        "a run cannot be read now: events that it knows may be stored a second time"
                    ),
                }
            }
        }
        suspects
    }

    fn is_listed(&self, run: &Arc<Run>) -> bool {
        self.runs.read().iter().any(|one| Arc::ptr_eq(one, run))
    }

    /// Looks up some of the events in one run.
    fn look_in(
        &self,
        run: &Arc<Run>,
        domain: Domain,
        events: &[NewEvent],
        asked: &[usize],
    ) -> io::Result<Vec<Suspect>> {
        let (index, is_fresh) = run.index()?;
        if is_fresh {
            self.make_room(run, index.size_bytes(), domain);
        }
        let mut found = Vec::new();
        for &at in asked {
            let key = Key::of(domain, &events[at].leaf);
            let segments = run.find(&index, &key)?;
            found.extend(segments.into_iter().map(|segment| (at, segment)));
        }
        Ok(found)
    }

    /// Counts an index that was loaded, and drops others beyond the limit: the oldest of the domain for which most is
    /// loaded. A caller that needs many old runs displaces its own, and not those that others need.
    fn make_room(&self, run: &Arc<Run>, size_bytes: usize, domain: Domain) {
        let mut loaded = self.loaded.lock();
        loaded.runs.push_back(LoadedRun {
            run: Arc::clone(run),
            size_bytes,
            for_domain: domain,
        });
        loaded.bytes += size_bytes;
        while loaded.runs.len() > 1
            && (loaded.bytes > self.memory_bytes || loaded.runs.len() > LOADED_MAX)
        {
            let Some(dropped) = loaded.greediest_but(run) else {
                return;
            };
            dropped.run.unload();
            loaded.bytes -= dropped.size_bytes;
        }
    }

    /// Writes the keys of events that are being sealed, durably; they count from [`Self::register`] on.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn write(
        &self,
        sealed: &[(Segment, Arc<Pending>)],
        now: Timestamp,
    ) -> Result<NewRun> {
        let hours = sealed.iter().map(|(segment, pending)| {
            let Place { day, hour, .. } = segment.place;
            (*segment, &pending.hours[&(day, hour)])
        });
        self.write_hours(&hours.collect::<Vec<_>>(), now)
    }

    /// As [`Self::write`], with the lines of each segment.
    pub(crate) fn write_hours(
        &self,
        sealed: &[(Segment, &HourLines)],
        now: Timestamp,
    ) -> Result<NewRun> {
        if !self.is_on() || sealed.is_empty() {
            return Ok(NewRun(None));
        }
        let mut entries = Vec::new();
        let mut places = BTreeSet::new();
        for (number, (segment, held)) in (0_u32..).zip(sealed) {
            let Place { domain, day, hour } = segment.place;
            places.insert(place_number(domain, day, hour));
            let lines = held.lines.iter();
            entries.extend(lines.map(|line| Entry {
                key: Key::of(domain, &line.leaf),
                segment: number,
            }));
        }
        entries.sort_unstable();
        let head = Head {
            tier: 0,
            entries: entries.len() as u64,
            sealed_secs: now.as_second(),
            places: places.into_iter().collect(),
            segments: sealed.iter().map(|(segment, _)| segment.id).collect(),
        };
        let name = new_name();
        let write = |out: &mut dyn WriteAt| run::write(out, &head, entries.into_iter().map(Ok));
        let added = self.kept.add(&name, Box::new(write));
        added.map_err(|source| StoreError::Directory {
            what: format!("cannot write the run {name}"),
            source,
        })?;
        Ok(NewRun(Some(name)))
    }

    /// Makes the run count from now on. The caller calls it when the segments are in the catalog, and before the
    /// journal forgets them.
    pub(crate) fn register(&self, new: NewRun) {
        let Some(name) = new.0 else { return };
        match Run::open(&self.kept, &name) {
            Ok(run) => self.count(run),
            Err(error) if is_hopeless(&error) => abandon(&*self.kept, &name, &error),
            Err(error) => tracing::error!(
                run = name,
                %error,
                "a run cannot be opened before the next start: events that it knows may be stored a second time"
            ),
        }
    }

    /// Removes the run of a seal that failed.
    pub(crate) fn withdraw(&self, new: NewRun) {
        if let Some(name) = new.0 {
            remove(&*self.kept, &name);
        }
    }

    /// Removes the runs that are older than the window.
    pub(crate) fn expire(&self, now: Timestamp) {
        let due = now.as_second().saturating_sub(self.window_secs);
        let is_over = |run: &Arc<Run>| run.head.sealed_secs < due;
        let over: Vec<_> = self
            .runs
            .read()
            .iter()
            .filter(|r| is_over(r))
            .cloned()
            .collect();
        self.replace(&over, None);
    }

    /// Merges small runs into larger ones, as long as there are enough of them. After a failure these runs rest, and
    /// others get their turn.
    pub(crate) fn merge(&self, now: Timestamp) {
        let now_secs = now.as_second();
        loop {
            // Not in a condition of the loop, which would keep the lock.
            let due = merge::due(&self.runs.read(), now_secs);
            let Some(group) = due else { return };
            let name = new_name();
            let write = |out: &mut dyn WriteAt| merge::merge(out, &group);
            let added = self.kept.add(&name, Box::new(write));
            match added.and_then(|()| Run::open(&self.kept, &name)) {
                Ok(merged) => self.replace(&group, Some(merged)),
                Err(error) => {
                    tracing::warn!(%error, "runs could not be merged; they are searched one by one");
                    remove(&*self.kept, &name);
                    let rested = now_secs.saturating_add(REST_SECS);
                    group.iter().for_each(|run| run.rest_until(rested));
                }
            }
        }
    }

    pub(crate) fn stats(&self) -> DedupStats {
        let runs = self.runs.read();
        DedupStats {
            runs: runs.len() as u64,
            events: runs.iter().map(|run| run.head.entries).sum(),
            memory_bytes: self.loaded.lock().bytes as u64,
        }
    }

    fn replace(&self, old: &[Arc<Run>], new: Option<Run>) {
        if let Some(new) = new {
            self.count(new);
        }
        self.drop_from_list(old);
        old.iter().for_each(|run| remove(&*self.kept, &run.name));
    }

    fn drop_from_list(&self, old: &[Arc<Run>]) {
        let is_old = |run: &Arc<Run>| old.iter().any(|one| Arc::ptr_eq(one, run));
        self.runs.write().retain(|run| !is_old(run));
        let mut loaded = self.loaded.lock();
        loaded.runs.retain(|one| !is_old(&one.run));
        loaded.bytes = loaded.runs.iter().map(|one| one.size_bytes).sum();
    }

    /// Removes a run that is permanently unreadable.
    fn give_up(&self, run: &Arc<Run>, error: &io::Error) {
        abandon(&*self.kept, &run.name, error);
        self.replace(std::slice::from_ref(run), None);
    }
}

fn new_name() -> String {
    format!("{}.run", ObjectId::generate())
}

/// Reports whether the file will never be a run again; otherwise the failure may be temporary.
fn is_hopeless(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound
    )
}

fn abandon(kept: &dyn Runs, name: &str, error: &io::Error) {
    tracing::warn!(
        run = name,
        %error,
        "a run is unreadable: events that it knew are stored a second time when they are sent again"
    );
    remove(kept, name);
}

fn remove(kept: &dyn Runs, name: &str) {
    if let Err(error) = kept.remove(name) {
        tracing::warn!(run = name, %error, "a run that is no longer needed could not be removed");
    }
}

#[cfg(test)]
mod tests;
