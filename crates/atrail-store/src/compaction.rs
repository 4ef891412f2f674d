//! Merges many small objects of a closed hour into few. `docs/FORMAT.md` has a picture, `docs/decisions/` the reasons.
//!
//! A new object is the concatenation of its sources, so segments stay unchanged, and a session that pinned a source
//! finds exactly its bytes in the new object. Order of durability: path noted as waste, object durable, catalog
//! transaction (new object in, sources out and waste), sources erased. After a crash at any point the archive has
//! either the sources or the new object, and the next start erases the rest.

mod plan;
#[cfg(test)]
mod tests;
pub(crate) mod unsound;

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use atrail_archive::{Expected, object};
use atrail_catalog::compaction::{HourRow, Merged, Source};
use atrail_disk::{ErrorKind, Result, StoreError, chain, joined, off_thread_low};
use atrail_model::{Day, Hour, ObjectId, Timestamp};
use sha2::{Digest, Sha256};

use crate::Store;
use crate::core::Core;
use crate::duties::{Claim, Duty};

/// The result of a compaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compacted {
    /// Objects that became part of others.
    pub objects_in: u64,
    /// New objects.
    pub objects_out: u64,
    /// Bytes of the new objects.
    pub bytes: u64,
    /// Paths of objects that differ from what was written. They stay as they are.
    pub damaged: Vec<String>,
    /// Paths of objects that could not be made. Their sources stay as they are.
    pub failed: Vec<String>,
}

/// How long after its end an hour is left alone: most late events have arrived by then.
const LATENESS: Duration = Duration::from_secs(3600);
/// How long after a start the background begins.
const FIRST_ROUND_AFTER: Duration = Duration::from_secs(60);
/// How long it rests between rounds.
const REST: Duration = Duration::from_secs(600);
/// Hours of one query of the catalog.
const PAGE: u32 = 256;

/// Objects that become one.
#[derive(Debug)]
struct Job {
    hour: HourRow,
    id: ObjectId,
    path: String,
    sources: Vec<Source>,
}

/// The jobs of one commit: their sources would fit into one object together.
#[derive(Debug)]
struct Batch {
    jobs: Vec<Job>,
    /// The last hour that leaves nothing for a later batch.
    done_to: Option<HourRow>,
    /// No other task compacts or deletes in the domains of these hours.
    claims: Vec<Claim>,
}

/// The speed of a compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// As fast as possible.
    Full,
    /// At most half of the time, and not while events arrive faster than they are sealed.
    Background,
}

impl Store {
    /// Compacts everything that can be compacted now, as the background does every few minutes. Downloads, counts and
    /// open sessions do not change.
    ///
    /// # Errors
    /// When the catalog or the disk fails, or the store refuses writes; nothing is lost.
    pub async fn compact(&self) -> Result<Compacted> {
        let core = Arc::clone(&self.core);
        let work = tokio::spawn(async move { core.compact(Pace::Full).await });
        joined(work).await
    }
}

/// Compacts every few minutes. Ends with the store.
pub(crate) async fn background(core: Weak<Core>) {
    rounds(core, FIRST_ROUND_AFTER, REST).await;
}

async fn rounds(core: Weak<Core>, first_after: Duration, rest: Duration) {
    tokio::time::sleep(first_after).await;
    loop {
        let Some(core) = core.upgrade() else { return };
        match core.compact(Pace::Background).await {
            Ok(done) if done.objects_out > 0 => {
                tracing::info!(
                    objects_in = done.objects_in,
                    objects_out = done.objects_out,
                    "compacted"
                );
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(
                    error = chain(&error),
                    "compaction failed; the server tries again"
                );
            }
        }
        drop(core);
        tokio::time::sleep(rest).await;
    }
}

impl Core {
    /// Repeats passes over all due hours until nothing is left to do.
    async fn compact(&self, pace: Pace) -> Result<Compacted> {
        let mut total = Compacted::default();
        loop {
            let before = (total.objects_out, total.damaged.len());
            let passed = self.compaction_pass(pace, &mut total).await;
            if passed.is_err() {
                self.counters.compaction_failures.add(1);
            }
            passed?;
            // Either one changes what remains to do.
            if (total.objects_out, total.damaged.len()) == before {
                return Ok(total);
            }
        }
    }

    async fn compaction_pass(&self, pace: Pace, total: &mut Compacted) -> Result<()> {
        let mut after = None;
        loop {
            if let Some(refusal) = self.journal.refusal() {
                return if pace == Pace::Full {
                    Err(refusal)
                } else {
                    Ok(())
                };
            }
            if pace == Pace::Background && self.journal.ripe().is_some() {
                return Ok(());
            }
            let started = Instant::now();
            let Some(batch) = self.next_batch(after, pace).await? else {
                return Ok(());
            };
            if !batch.jobs.is_empty() {
                self.compact_batch(&batch.jobs, total).await?;
            }
            after = batch.done_to;
            drop(batch);
            if pace == Pace::Background {
                tokio::time::sleep(started.elapsed()).await;
            }
        }
    }

    /// Returns the next batch, beginning after the given hour; `None` at the end. Its domains are claimed. When another
    /// task is working in a domain, this waits for it, or leaves the domain to the next round.
    async fn next_batch(&self, after: Option<HourRow>, pace: Pace) -> Result<Option<Batch>> {
        let (now, looked) = (self.time.read().certain(), self.clock.elapsed());
        let Some(closed) = last_closed(now) else {
            return Ok(None);
        };
        let hours = self.catalog.uncompacted(closed, after, PAGE).await?;
        if hours.is_empty() {
            return Ok(None);
        }
        let mut batch = Batch {
            jobs: Vec::new(),
            done_to: after,
            claims: Vec::new(),
        };
        let mut settled = Vec::new();
        for hour in hours {
            let duty = Duty::Compact(hour.place.domain);
            if !batch.has_claimed(duty) {
                if pace == Pace::Full && batch.claims.is_empty() {
                    batch.claims.push(self.duties.claim(duty).await);
                } else if let Some(claim) = self.duties.try_claim(duty).await {
                    batch.claims.push(claim);
                } else if pace == Pace::Full {
                    // The wait follows in a call that holds no other claim.
                    break;
                } else {
                    batch.done_to = Some(hour);
                    continue;
                }
            }
            let objects = self.catalog.sources(hour).await?;
            let sizes: Vec<_> = objects
                .iter()
                .map(|object| (!self.unsound.holds(object.id, looked)).then_some(object.size_bytes))
                .collect();
            let runs = plan::runs(&sizes);
            if runs.is_empty() && sizes.iter().all(Option::is_some) {
                settled.push((hour, objects.len()));
            }
            let mut jobs = runs.into_iter().map(|run| Job::new(hour, &objects, run));
            if jobs.any(|job| !batch.takes(job)) {
                // The next batch finds the rest of this hour again.
                break;
            }
            batch.done_to = Some(hour);
        }
        self.catalog.note_compacted(&settled).await?;
        Ok(Some(batch))
    }

    /// Makes the objects of a batch, whose domains are claimed. A job that fails on its own is left for a day, as one
    /// with a damaged source is, and blocks no other.
    async fn compact_batch(&self, batch: &[Job], total: &mut Compacted) -> Result<()> {
        let mut failed = match self.compact_together(batch, total).await {
            Err(error) if is_of_one(&error) => error,
            done => return done,
        };
        for job in batch {
            if batch.len() > 1 {
                match self
                    .compact_together(std::slice::from_ref(job), total)
                    .await
                {
                    Err(error) if is_of_one(&error) => failed = error,
                    done => {
                        done?;
                        continue;
                    }
                }
            }
            tracing::error!(
                path = job.path,
                error = chain(&failed),
                "an hour cannot be compacted, and is left as it is"
            );
            self.counters.compaction_failures.add(1);
            let now = self.clock.elapsed();
            let sources = job.sources.iter();
            sources.for_each(|source| self.unsound.note(source.id, now));
            total.failed.push(job.path.clone());
        }
        Ok(())
    }

    async fn compact_together(&self, batch: &[Job], total: &mut Compacted) -> Result<()> {
        let paths: Vec<_> = batch.iter().map(|job| job.path.clone()).collect();
        self.catalog.mark_as_waste(&paths).await?;
        let written = match self.write_batch(batch, total).await {
            Ok(merged) => self.blobs.settle(&paths).await.map(|()| merged),
            Err(error) => Err(error),
        };
        let outcome = match written {
            Ok(merged) => self.publish_compaction(&merged, total).await,
            Err(error) => Err(error),
        };
        if outcome
            .as_ref()
            .is_ok_and(|published| *published == batch.len())
        {
            return Ok(());
        }
        // Objects that were not published are erased; the next start erases those that cannot be erased now.
        let ours: Vec<_> = batch.iter().map(|job| (job.id, job.path.clone())).collect();
        let strangers = self.catalog.disown(&ours).await;
        if let Ok(strangers) = &strangers {
            self.erase(strangers).await;
        }
        outcome.and(strangers).map(drop)
    }

    /// Writes the new objects, except those that have a damaged source.
    async fn write_batch(&self, batch: &[Job], total: &mut Compacted) -> Result<Vec<Merged>> {
        let mut written = Vec::with_capacity(batch.len());
        for job in batch {
            match self.concatenation(job).await? {
                Ok(Whole { bytes, hasher }) => {
                    written.push(job.merged(bytes.len() as u64, hasher.finalize().into()));
                    self.blobs.put(&job.path, bytes.into()).await?;
                }
                Err(Unfit { id, path, why }) => {
                    tracing::error!(path, why, "an object is damaged, and is left as it is");
                    self.counters.compaction_failures.add(1);
                    self.unsound.note(id, self.clock.elapsed());
                    if !total.damaged.contains(&path) {
                        total.damaged.push(path);
                    }
                }
            }
        }
        Ok(written)
    }

    /// Commits, and erases the sources; returns how many of the objects are in the archive.
    async fn publish_compaction(&self, merged: &[Merged], total: &mut Compacted) -> Result<usize> {
        let now = self.time.age();
        let done = self.catalog.commit_compaction(merged, now).await?;
        let sources = done.iter().flat_map(|object| &object.sources);
        let erased: Vec<_> = sources.map(|source| source.path.clone()).collect();
        self.erase(&erased).await;
        let bytes = done.iter().map(|object| object.size_bytes).sum();
        total.objects_in += erased.len() as u64;
        total.objects_out += done.len() as u64;
        total.bytes += bytes;
        self.counters.compactions.add(done.len() as u64);
        self.counters.compacted_objects.add(erased.len() as u64);
        self.counters.compacted_bytes.add(bytes);
        Ok(done.len())
    }

    /// Returns the concatenated bytes of the sources, each checked against the catalog; or the source that differs from
    /// what was written.
    async fn concatenation(&self, job: &Job) -> Result<Result<Whole, Unfit>> {
        let mut whole = Whole::default();
        for source in &job.sources {
            let unfit = |why| Unfit {
                id: source.id,
                path: source.path.clone(),
                why,
            };
            let file = Expected {
                size_bytes: source.size_bytes,
                sha256: source.sha256,
            };
            let read = match self.blobs.open(&source.path, Some(file)).await {
                Ok(reader) => reader.read(0..source.size_bytes).await,
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(error) => Err(error),
            };
            let bytes = match read {
                Ok(bytes) => bytes,
                Err(error) => return Ok(Err(unfit(chain(&error)))),
            };
            let expected = source.sha256;
            whole = match off_thread_low(move || Ok(whole.with(&bytes, expected))).await? {
                Some(more) => more,
                None => {
                    self.blobs.distrust(&source.path);
                    return Ok(Err(unfit(
                        "its bytes do not match their SHA-256".to_owned(),
                    )));
                }
            };
        }
        Ok(Ok(whole))
    }
}

/// The content of a new object.
#[derive(Default)]
struct Whole {
    bytes: Vec<u8>,
    hasher: Sha256,
}

/// A source that differs from what was written.
#[derive(Debug)]
struct Unfit {
    id: ObjectId,
    path: String,
    why: String,
}

impl Whole {
    /// Appends these bytes, unless their SHA-256 is another one.
    fn with(mut self, bytes: &[u8], sha256: [u8; 32]) -> Option<Self> {
        if Sha256::digest(bytes)[..] != sha256 {
            return None;
        }
        self.bytes.extend_from_slice(bytes);
        self.hasher.update(bytes);
        Some(self)
    }
}

impl Batch {
    fn has_claimed(&self, duty: Duty) -> bool {
        self.claims.iter().any(|claim| claim.duty() == duty)
    }

    /// Adds a job and returns `true`, unless the batch would become too large.
    fn takes(&mut self, job: Job) -> bool {
        let all = || self.jobs.iter().chain([&job]).flat_map(|job| &job.sources);
        let bytes: u64 = all().map(|source| source.size_bytes).sum();
        let fits = bytes <= plan::MAX_BYTES && all().count() <= plan::MAX_SOURCES;
        if fits {
            self.jobs.push(job);
        }
        fits
    }
}

impl Job {
    fn new(hour: HourRow, objects: &[Source], run: std::ops::Range<usize>) -> Self {
        let taken: HashSet<_> = objects.iter().map(|object| object.id).collect();
        let mut id = objects[run.start].id.next();
        while taken.contains(&id) {
            id = id.next();
        }
        Self {
            hour,
            id,
            path: object::object_path(hour.place, id),
            sources: objects[run].to_vec(),
        }
    }

    fn merged(&self, size_bytes: u64, sha256: [u8; 32]) -> Merged {
        Merged {
            hour: self.hour,
            id: self.id,
            path: self.path.clone(),
            size_bytes,
            sha256,
            sources: self.sources.clone(),
        }
    }
}

/// Reports whether the failure concerns a file or directory, and not the disk, the catalog or the store as a whole.
fn is_of_one(error: &StoreError) -> bool {
    let is_file = matches!(
        error,
        StoreError::Objects { .. } | StoreError::Directory { .. }
    );
    is_file && error.kind() != ErrorKind::Full
}

/// Returns the last hour that has been over for long enough.
fn last_closed(now: Timestamp) -> Option<(Day, Hour)> {
    const HOUR: Duration = Duration::from_secs(3600);
    let moment = now.checked_sub(LATENESS + HOUR).ok()?;
    let hour = moment.as_second().rem_euclid(86_400) / 3600;
    Day::of(moment).zip(u8::try_from(hour).ok().and_then(Hour::new))
}
