//! Fills the index in the background: what was sealed a moment ago, then what it lacks otherwise, the newest day first.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use atrail_archive::object::INDEX_PREFIX;
use atrail_catalog::domains::DomainRow;
use atrail_catalog::index_files::IndexFileRow;
use atrail_catalog::outcome::Trace;

use atrail_disk::{Priority, Result, StoreError, chain, space, spawn_low};
use atrail_model::{Day, Domain, ObjectId};
use bytes::Bytes;

use super::build::{Unbuilt, build};
use super::plan::plan;
use crate::core::Core;
use crate::duties::{Claim, Duty};
use crate::search::INDEX_VERSION;

/// How long a day gathers seals before it is indexed, at most: seals of many domains come together.
const GATHERS: Duration = Duration::from_secs(2);
/// When a day is tried again in whose domain events are being removed.
const SOON: Duration = Duration::from_secs(1);
/// When a day is tried again that could not be indexed.
const LATER: Duration = Duration::from_secs(60);
/// How often the catalog is asked what the index lacks.
const LOOK_EVERY: Duration = Duration::from_secs(600);
/// How long after its end a day counts as closed: most late events have arrived by then.
const LATENESS: Duration = Duration::from_secs(3600);
/// Days whose files are published together.
const AT_ONCE: usize = 32;
/// Bytes of files that are published together, besides the last one.
const ROUND_BYTES: usize = 8 << 20;
/// The index leaves this much of a disk, besides the reserve: events come first.
const LEAST_FREE_BYTES: u64 = 512 << 20;

/// A file that does not count yet.
struct Made {
    /// The domain's number.
    number: i64,
    /// Its path below the index.
    below: String,
    bytes: Bytes,
    file: IndexFileRow,
    replaced: Vec<String>,
}

/// Files that are published together.
#[derive(Default)]
struct Round {
    made: Vec<Made>,
    bytes: usize,
    domains: Vec<Domain>,
    /// Nobody removes events of these domains meanwhile.
    claims: Vec<Claim>,
}

/// What became of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing is left to do.
    Done,
    /// There may be more to do.
    More,
    /// Somebody removes events of its domain: it is tried again soon.
    Later,
    /// It is tried again later.
    Failed,
}

/// Fills the index. Ends with the store.
pub(crate) async fn background(core: Weak<Core>) {
    let mut looked: Option<Instant> = None;
    loop {
        let Some(strong) = core.upgrade() else { return };
        if !strong.settings.search.is_on {
            return;
        }
        let tick = strong.settings.tick;
        let gathers = GATHERS.min(tick.saturating_mul(2));
        let is_time = looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY);
        let done = strong.feed(gathers, is_time).await;
        if is_time && done.is_ok() {
            looked = Some(Instant::now());
        }
        if let Err(error) = &done {
            tracing::warn!(
                error = chain(error),
                "the search index is not brought up to date; the server tries again"
            );
        }
        let is_more = matches!(done, Ok(true));
        // A task of a store that is dropped must not keep it.
        drop(strong);
        if is_more {
            tokio::task::yield_now().await;
            continue;
        }
        tokio::time::sleep(tick).await;
    }
}

impl Core {
    /// Writes some files that are due; returns whether more are.
    async fn feed(self: &Arc<Self>, gathers: Duration, is_time: bool) -> Result<bool> {
        if !self.indexing.is_found() {
            self.find_index().await;
            if !self.indexing.is_found() {
                return Ok(false);
            }
        }
        self.drop_bad_files().await?;
        if self.indexing.is_to_look_again() || is_time {
            if is_time {
                self.indexing.forget_failures();
            }
            self.look_for_unindexed().await?;
        }
        if !self.has_room_for_index() {
            return Ok(false);
        }
        self.write_due(gathers).await
    }

    /// Brings the index up to date, whatever failed before. Returns once nothing more can be done.
    pub(super) async fn index_everything(self: &Arc<Self>) -> Result<()> {
        self.indexing.forget_failures();
        if !self.indexing.is_found() {
            self.find_index().await;
        }
        self.drop_bad_files().await?;
        self.look_for_unindexed().await?;
        while self.write_due(Duration::ZERO).await? {}
        Ok(())
    }

    /// Finds the days of which the index lacks something, or has too many files.
    async fn look_for_unindexed(&self) -> Result<()> {
        let Some(today) = Day::of(self.clock.now()) else {
            return Ok(());
        };
        let days = self.settings.search.days;
        let from = days.map_or(Day::FIRST, |days| today.minus(days));
        let all = self.catalog.indexed_days(from, INDEX_VERSION).await?;
        let lacks = all
            .into_iter()
            .filter(|day| day.indexed != day.events || (day.files > 1 && self.is_closed(day.day)));
        self.indexing.note(lacks.map(|day| (day.domain, day.day)));
        Ok(())
    }

    fn is_closed(&self, day: Day) -> bool {
        let now = self.clock.now().checked_sub(LATENESS).ok();
        now.and_then(Day::of).is_some_and(|now| day < now)
    }

    /// Reports whether the disk has room for more than events.
    fn has_room_for_index(&self) -> bool {
        let dir = &self.settings.data_dir;
        let least = LEAST_FREE_BYTES.min(self.settings.reserve_bytes.saturating_mul(8));
        let has_space =
            dir.as_os_str().is_empty() || space::free_bytes(dir).is_ok_and(|free| free >= least);
        has_space && self.journal.refusal().is_none()
    }

    /// Removes files that do not answer: their days are indexed anew.
    async fn drop_bad_files(&self) -> Result<()> {
        let bad: Vec<_> = self.index_cache.bad().into_iter().collect();
        if !bad.is_empty() {
            self.drop_index_files(&bad).await?;
            self.indexing.look_again();
        }
        Ok(())
    }

    /// Removes files from the index, and erases them.
    pub(super) async fn drop_index_files(&self, paths: &[String]) -> Result<()> {
        self.catalog.drop_index_files(paths).await?;
        self.index_cache.forget_bad(paths);
        self.erase(paths).await;
        Ok(())
    }

    /// Writes files for some of the days that have waited this long; returns whether more are due.
    async fn write_due(self: &Arc<Self>, waited: Duration) -> Result<bool> {
        let _one_round = self.indexing.turn.lock().await;
        let due = self.indexing.due(waited);
        let rows = self.domains(due.iter().map(|one| one.domain)).await?;
        let mut round = Round::default();
        let mut outcomes = Vec::new();
        for one in due.iter().take(AT_ONCE) {
            // A deletion waits for the claims of this round.
            if round.bytes > ROUND_BYTES || self.indexing.is_one_interrupted(&round.domains) {
                break;
            }
            let tried = match rows.get(&one.domain) {
                None => Ok(Outcome::Done),
                Some(row) => self.make_index_file(*row, one.day, &mut round).await,
            };
            let outcome = tried.unwrap_or_else(|error| {
                self.counters.index_failures.add(1);
                tracing::warn!(
                    domain = %one.domain,
                    day = %one.day,
                    error = chain(&error),
                    "a day cannot be indexed; the server tries again"
                );
                Outcome::Failed
            });
            outcomes.push((*one, outcome));
        }
        let mut is_more = due.len() > outcomes.len();
        let failed = match self.publish_index(&round.made).await {
            Ok(failed) => failed,
            Err(error) => {
                self.counters.index_failures.add(1);
                tracing::warn!(
                    error = chain(&error),
                    "files of the search index do not count; the server tries again"
                );
                let all = round.made.iter();
                all.map(|one| (one.file.domain, one.file.day)).collect()
            }
        };
        drop(round);
        for (one, mut outcome) in outcomes {
            if failed.contains(&(one.domain, one.day)) {
                outcome = Outcome::Failed;
            }
            match outcome {
                Outcome::Done => self.indexing.done(one),
                Outcome::Later => self.indexing.put_off(one, SOON),
                Outcome::Failed => self.indexing.put_off(one, LATER),
                Outcome::More => is_more = true,
            }
        }
        Ok(is_more)
    }

    /// Makes the next file of a day, if it needs one.
    async fn make_index_file(
        self: &Arc<Self>,
        row: DomainRow,
        day: Day,
        round: &mut Round,
    ) -> Result<Outcome> {
        if !round.domains.contains(&row.domain) {
            let Some(claim) = self.duties.try_claim(Duty::Index(row.domain)).await else {
                return Ok(Outcome::Later);
            };
            round.domains.push(row.domain);
            round.claims.push(claim);
        }
        let (files, all) = self.catalog.indexable(row.number, day).await?;
        let (files, old): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|file| file.version == INDEX_VERSION);
        if !old.is_empty() {
            let paths: Vec<_> = old.into_iter().map(|file| file.path).collect();
            self.drop_index_files(&paths).await?;
        }
        let unsound = self.indexing.unsound();
        let segments = all.iter();
        let segments = segments.filter(|segment| !unsound.contains(&segment.file.id));
        let segments: Vec<_> = segments.cloned().collect();
        let Some(job) = plan(&files, &segments, self.is_closed(day)) else {
            return Ok(Outcome::Done);
        };
        let chosen = job.segments.iter().map(|nth| segments[*nth].clone());
        let chosen: Vec<_> = chosen.collect();
        let replaced = job.replaces.iter().map(|nth| files[*nth].path.clone());
        let replaced: Vec<_> = replaced.collect();
        let (core, claimed) = (Arc::clone(self), round.domains.clone());
        let domain = row.domain;
        let building = spawn_low(Priority::Lowest, move || {
            let is_interrupted = || core.indexing.is_one_interrupted(&claimed);
            build(&core, (domain, day), &all, &chosen, &is_interrupted)
        });
        let (bytes, written) = match building.await.map_err(|_| StoreError::Panicked)? {
            Ok(built) => built,
            Err(Unbuilt::Interrupted) => return Ok(Outcome::More),
            Err(Unbuilt::Moved(object)) => {
                // A compaction put another in its place, or the file is lost.
                if self.catalog.recorded(object).await?.is_some() {
                    self.indexing.leave_out(object);
                }
                return Ok(Outcome::More);
            }
            Err(Unbuilt::Failed(error)) => return Err(*error),
            Err(Unbuilt::Damaged(object, error)) => {
                if let StoreError::DamagedObject { path, .. } = &*error
                    && self.blobs.distrust(path)
                {
                    return Ok(Outcome::More);
                }
                self.counters.index_failures.add(1);
                tracing::warn!(
                    error = chain(&*error),
                    "the search index leaves out an object that cannot be read"
                );
                self.indexing.leave_out(object);
                return Ok(Outcome::More);
            }
        };
        let below = format!(
            "domain={domain}/date={day}/{}.parquet",
            ObjectId::generate()
        );
        let file = IndexFileRow {
            path: format!("{INDEX_PREFIX}{below}"),
            domain,
            day,
            version: INDEX_VERSION,
            events: written.rows,
            size_bytes: written.size_bytes,
            footer_bytes: written.footer.size_bytes,
            footer_sha256: written.footer.sha256,
            segments: written.segments,
        };
        round.bytes += bytes.len();
        round.made.push(Made {
            number: row.number,
            below,
            bytes,
            file,
            replaced,
        });
        Ok(Outcome::More)
    }

    /// Makes files durable, then makes them count, each in place of others, and erases those. Returns the days of the files
    /// that do not count.
    async fn publish_index(&self, made: &[Made]) -> Result<HashSet<(Domain, Day)>> {
        let mut failed = HashSet::new();
        if made.is_empty() {
            return Ok(failed);
        }
        let paths: Vec<_> = made.iter().map(|one| one.file.path.clone()).collect();
        self.catalog.mark_as_waste(&paths).await?;
        let mut durable = Vec::with_capacity(made.len());
        for one in made {
            let put = async {
                self.index.put(&one.below, one.bytes.clone()).await?;
                self.index.settle(std::slice::from_ref(&one.below)).await
            };
            match put.await {
                Ok(()) => durable.push(one),
                Err(error) => {
                    failed.insert((one.file.domain, one.file.day));
                    self.counters.index_failures.add(1);
                    tracing::warn!(
                        path = one.file.path,
                        error = chain(&error),
                        "a file of the search index cannot be written; the server tries again"
                    );
                }
            }
        }
        let new = durable.iter();
        let new = new.map(|one| (one.number, &one.file, &one.replaced[..]));
        let added = self.catalog.add_index_files(&new.collect::<Vec<_>>()).await;
        // A commit that was reported as failed may count nevertheless. While that is unknown, nothing is erased.
        let are_there = match &added {
            Ok(added) => paths.iter().map(|path| added.contains(path)).collect(),
            Err(error) => {
                let traces = paths.iter().map(|path| Trace::IndexFile(path));
                self.took_effect(error, &traces.collect::<Vec<_>>()).await?
            }
        };
        let mut gone = Vec::new();
        for (one, is_there) in made.iter().zip(are_there) {
            if is_there {
                self.counters.indexed_events.add(one.file.events);
                self.counters.index_files.add(1);
                self.counters.index_bytes.add(one.file.size_bytes);
                gone.extend_from_slice(&one.replaced);
            } else {
                gone.push(one.file.path.clone());
            }
        }
        self.erase(&gone).await;
        added.map(|_| failed)
    }
}
