//! The bytes of a session.

#[cfg(feature = "internals")]
pub(crate) mod benching;
mod source;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use atrail_evidence::{EMPTY_OBJECT, Manifest};
use atrail_model::{ObjectId, SessionId, Timestamp};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use parking_lot::Mutex;

use crate::Store;
use crate::buffers::BUFFER_BYTES;
use crate::byte_set::ByteSet;
use crate::catalog::session::{Session, SessionKey, SessionState, Usage, not_found};
use crate::error::{Result, StoreError};
use crate::passage::Now;
use crate::recent::Recent;
use crate::store::Core;
use source::Source;

/// Bytes that are read at once, be they of one object or of several.
const CHUNK_BYTES: u64 = BUFFER_BYTES as u64;
/// Objects of which bytes are read at once.
const CHUNK_PIECES: usize = 64;
/// Chunks that are read ahead of the one being sent.
const READ_AHEAD: usize = 2;

/// The bytes of a session, open for reading. They are those of its objects, one after the other, as stored.
#[derive(Debug, Clone)]
pub struct Download {
    core: Arc<Core>,
    session: Session,
    plan: Arc<Plan>,
    /// [`Core::removals`] when it was last seen that the session stands.
    removals: u64,
}

impl Store {
    /// Opens the bytes of a session that was looked up; counts as use of it.
    ///
    /// # Errors
    /// `Gone` when a deletion had taken events of it when it was looked up, `NotFound` when the catalog has no manifest of it. What
    /// came after the look is told by [`Download::read`].
    pub async fn open_download(&self, session: Session) -> Result<Download> {
        let core = &self.core;
        let removals = session.removals;
        let id = session.id;
        session.refuse_if_gone()?;
        let plan = match core.plans.get(&session) {
            Some(plan) => plan,
            None => {
                let text = core
                    .catalog
                    .session_manifest(id)
                    .await?
                    .ok_or_else(|| not_found(id))?;
                core.plans.keep(&session, Plan::read(&text)?)
            }
        };
        core.activity.note_use(&session, &core.time.read());
        Ok(Download {
            core: Arc::clone(core),
            session,
            plan,
            removals,
        })
    }
}

impl Download {
    /// The session, as it stood when the download was opened.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The bytes from `range.start` up to, not including, `range.end`; what lies beyond the download's end is left out.
    /// What is taken from the stream counts as downloaded. An error ends the stream. Once a deletion that took events of the
    /// session has returned, or its owner has ended it, the stream hands out no more bytes: `Gone`, `NotFound`; nor does it when the
    /// catalog cannot be asked after any deletion.
    ///
    /// # Errors
    /// Why the first bytes cannot be had: nothing was handed out yet, so a refusal can still be told.
    pub async fn read(&self, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        let source = Arc::new(Source::new(
            Arc::clone(&self.core),
            Arc::clone(&self.plan),
            range.end,
        ));
        let mut sent = Sent {
            core: Arc::clone(&self.core),
            session: self.session.key(),
            position: range.start,
        };
        let chunks = stream::iter(self.plan.chunks(range))
            .map(move |chunk| {
                let source = Arc::clone(&source);
                async move { source.read(chunk).await }
            })
            .buffered(READ_AHEAD)
            .flat_map(stream::iter)
            .boxed();
        let mut reading = Reading {
            download: self.clone(),
            chunks,
        };
        let first = reading.next().await?;
        // It may be long until it is taken.
        reading.chunks = stream::iter(first.map(Ok)).chain(reading.chunks).boxed();
        let handed_out = stream::try_unfold(reading, |mut reading| async {
            let next = reading.next().await?;
            Ok(next.map(|bytes| (bytes, reading)))
        });
        Ok(handed_out
            .inspect_ok(move |bytes| sent.add(bytes.len() as u64))
            .boxed())
    }
}

/// A download under way.
struct Reading {
    download: Download,
    chunks: BoxStream<'static, Result<Bytes>>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = self.chunks.try_next().await;
        if next.is_err() {
            // An error cuts the connection: a turn for whoever sends what was read before it, so that less has to be asked for
            // again until it is told what is wrong.
            tokio::task::yield_now().await;
        }
        let core = &self.download.core;
        let removals = core.removals.load(Ordering::Acquire);
        if next.is_ok() && removals == self.download.removals {
            return next;
        }
        let session = core.still_open(&self.download.session).await;
        self.download.removals = removals;
        match session {
            Ok(()) => next,
            // Says more than that an object is missing.
            Err(ended @ (StoreError::Gone { .. } | StoreError::NotFound { .. })) => Err(ended),
            Err(unknown) => next.and(Err(unknown)),
        }
    }
}

/// Where the bytes of a download lie: the manifest's parts with their places in the whole.
#[derive(Debug)]
pub(crate) struct Plan {
    parts: Vec<Part>,
    /// When: objects count as sound only if they were looked at since.
    made: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    /// `None`: the empty member.
    object: Option<ObjectId>,
    /// Where the part begins in the download.
    start: u64,
    offset: u64,
    length: u64,
}

/// Bytes of one part, counted from the part's begin.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    part: usize,
    range: Range<u64>,
}

/// Pieces that follow each other, and are read together.
type Chunk = Vec<Piece>;

impl Plan {
    fn read(text: &[u8]) -> Result<Self> {
        let manifest = serde_json::from_slice(text);
        Self::of(&manifest.map_err(|error| damaged(error.to_string()))?)
    }

    /// The plan of a manifest.
    pub(crate) fn of(manifest: &Manifest) -> Result<Self> {
        let mut start = 0;
        let mut parts = Vec::with_capacity(manifest.objects.len());
        for entry in &manifest.objects {
            let object = match entry.object.as_str() {
                EMPTY_OBJECT => None,
                id => Some(
                    id.parse()
                        .map_err(|_| damaged(format!("'{id}' is no object id")))?,
                ),
            };
            parts.push(Part {
                object,
                start,
                offset: entry.offset,
                length: entry.length,
            });
            start += entry.length;
        }
        Ok(Self {
            parts,
            made: Instant::now(),
        })
    }

    /// Of parts that are so long, one after the other.
    #[cfg(any(test, feature = "internals"))]
    fn of_lengths(lengths: &[u64]) -> Self {
        let mut start = 0;
        let parts = lengths.iter().map(|length| {
            let part = Part {
                object: None,
                start,
                offset: 0,
                length: *length,
            };
            start += length;
            part
        });
        Self {
            parts: parts.collect(),
            made: Instant::now(),
        }
    }

    /// How many parts would take as much memory as it does: a plan without any takes some, too.
    const fn weight(&self) -> usize {
        self.parts.len() + 8
    }

    /// What a range is read in, lazily and in order: each chunk is full, but for the last one and those of very small parts.
    fn chunks(self: &Arc<Self>, range: Range<u64>) -> impl Iterator<Item = Chunk> + Send + use<> {
        let plan = Arc::clone(self);
        let mut part = plan
            .parts
            .partition_point(|part| part.start + part.length <= range.start);
        let mut position = range.start;
        std::iter::from_fn(move || {
            let full = range.end.min(position.saturating_add(CHUNK_BYTES));
            let mut chunk = Chunk::new();
            while position < full && chunk.len() < CHUNK_PIECES {
                let Some(current) = plan.parts.get(part) else {
                    break;
                };
                let end = full.min(current.start + current.length);
                chunk.push(Piece {
                    part,
                    range: position - current.start..end - current.start,
                });
                position = end;
                if end == current.start + current.length {
                    part += 1;
                }
            }
            (!chunk.is_empty()).then_some(chunk)
        })
    }
}

fn damaged(why: String) -> StoreError {
    StoreError::Damaged {
        what: "a session's manifest".to_owned(),
        why,
    }
}

/// Counts what one reader of a download has taken.
struct Sent {
    core: Arc<Core>,
    session: SessionKey,
    position: u64,
}

impl Sent {
    fn add(&mut self, bytes: u64) {
        let start = self.position;
        self.position += bytes;
        self.core.counters.download_bytes.add(bytes);
        let now = self.core.time.read();
        self.core
            .activity
            .note_sent(self, start..self.position, &now);
    }
}

/// The plans of sessions that are new or being downloaded. When they would be too large together, those that were not used
/// for longest are forgotten: one that is needed is soon read again.
#[derive(Debug)]
pub(crate) struct Plans(Mutex<Recent<SessionId, (Etag, Arc<Plan>)>>);

/// Beside each plan, that of its manifest: an id may come again.
type Etag = [u8; 32];

impl Default for Plans {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(Self::MAX_WEIGHT)))
    }
}

impl Plans {
    /// Parts of all plans together: 24 MB.
    const MAX_WEIGHT: usize = 500_000;

    fn get(&self, session: &Session) -> Option<Arc<Plan>> {
        let mut kept = self.0.lock();
        let (etag, plan) = kept.get(&session.id)?;
        (*etag == session.etag).then(|| Arc::clone(plan))
    }

    pub(crate) fn keep(&self, session: &Session, plan: Plan) -> Arc<Plan> {
        self.keep_as(session.id, session.etag, plan)
    }

    fn keep_as(&self, id: SessionId, etag: Etag, plan: Plan) -> Arc<Plan> {
        let plan = Arc::new(plan);
        // One that is too large beside any other is kept alone: each of its range requests would read the manifest again.
        let weight = plan.weight().min(Self::MAX_WEIGHT);
        let kept = (etag, Arc::clone(&plan));
        self.0.lock().insert(id, kept, weight);
        plan
    }

    pub(crate) fn forget(&self, ids: &[SessionId]) {
        let mut kept = self.0.lock();
        for id in ids {
            kept.remove(id);
        }
    }
}

/// How sessions were used since the catalog was last told: told every few seconds, so that a range request costs no
/// transaction. A crash forgets a few seconds of it.
#[derive(Debug, Default)]
pub(crate) struct Activity(Mutex<HashMap<SessionKey, Usage>>);

impl Usage {
    fn at(now: &Now) -> Self {
        Self {
            accessed: now.date,
            age: now.ages,
            handed_out: ByteSet::default(),
        }
    }

    fn touch(&mut self, now: &Now) {
        if now.ages >= self.age {
            self.accessed = now.date;
            self.age = now.ages;
        }
    }
}

impl Activity {
    fn note_use(&self, session: &Session, now: &Now) {
        let mut used = self.0.lock();
        used.entry(session.key())
            .or_insert_with(|| Usage::at(now))
            .touch(now);
    }

    fn note_sent(&self, sent: &Sent, bytes: Range<u64>, now: &Now) {
        let mut used = self.0.lock();
        let entry = used.entry(sent.session).or_insert_with(|| Usage::at(now));
        entry.touch(now);
        entry.handed_out.add(bytes);
    }

    pub(crate) fn forget(&self, session: SessionKey) {
        self.0.lock().remove(&session);
    }

    /// What the catalog was not told yet.
    pub(crate) fn news(&self) -> Vec<(SessionKey, Usage)> {
        let used = self.0.lock();
        used.iter()
            .map(|(session, entry)| (*session, entry.clone()))
            .collect()
    }

    /// Forgets what the catalog was told, unless there is more to tell since.
    pub(crate) fn forget_told(&self, news: &[(SessionKey, Usage)]) {
        let mut used = self.0.lock();
        for (session, told) in news {
            if used.get(session) == Some(told) {
                used.remove(session);
            }
        }
    }
}

impl Core {
    /// Looks whether a session that was open is so still.
    async fn still_open(&self, session: &Session) -> Result<()> {
        let current = self.catalog.session(session.owner, session.id).await?;
        // An id may come again, and with the same events.
        let same = current.filter(|current| current.generation == session.generation);
        same.ok_or_else(|| not_found(session.id))?.refuse_if_gone()
    }

    /// A session as the catalog has it, with what the catalog was not told yet, and with its end.
    pub(crate) fn with_activity(&self, mut session: Session, now: &Now) -> Session {
        let used = self.activity.0.lock().get(&session.key()).cloned();
        if let Some(used) = used {
            if used.age >= session.used_age {
                session.accessed = used.accessed;
                session.used_age = used.age;
            }
            session.handed_out.add_all(&used.handed_out);
            session.downloaded_bytes = session.handed_out.count();
            if !matches!(session.state, SessionState::Gone(_)) {
                session.state =
                    SessionState::of_progress(session.downloaded_bytes, session.total_bytes);
            }
        }
        session.expires = self.settings.session_end(&session, now);
        session
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plan_that_is_too_large_beside_others_is_kept_alone() {
        let plans = Plans::default();
        let [large, small] = std::array::from_fn(|_| SessionId::generate());
        plans.keep_as(small, [0; 32], Plan::of_lengths(&[1]));
        let lengths = vec![1; Plans::MAX_WEIGHT + 1];
        plans.keep_as(large, [0; 32], Plan::of_lengths(&lengths));
        let is_kept = |id| plans.0.lock().get(&id).is_some();
        assert!(is_kept(large) && !is_kept(small));
    }

    proptest! {
        #[test]
        fn chunks_cover_a_range_exactly_and_in_order(
            lengths in prop::collection::vec(prop_oneof![1..1_000_000_u64, 1..100_u64], 1..200),
            from in 0..10_000_000_u64,
            len in 0..10_000_000_u64,
        ) {
            let plan = Arc::new(Plan::of_lengths(&lengths));
            let total: u64 = lengths.iter().sum();
            let (start, end) = (from.min(total), (from + len).min(total));
            let mut position = start;
            for chunk in plan.chunks(start..end) {
                prop_assert!(chunk.len() <= CHUNK_PIECES);
                let from = position;
                for piece in &chunk {
                    let part = plan.parts[piece.part];
                    prop_assert_eq!(part.start + piece.range.start, position);
                    prop_assert!(piece.range.start < piece.range.end && piece.range.end <= part.length);
                    position = part.start + piece.range.end;
                }
                prop_assert!(position - from <= CHUNK_BYTES);
                let is_full = position - from == CHUNK_BYTES || chunk.len() == CHUNK_PIECES;
                prop_assert!(is_full || position == end);
            }
            prop_assert_eq!(position, end);
        }
    }
}
