//! The layout of a download, and the reads for a range of it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use atrail_catalog::session::Session;
use atrail_disk::{Result, StoreError};
use atrail_evidence::{EMPTY_OBJECT, Manifest};
use atrail_model::{ObjectId, Recent, SessionId};
use parking_lot::Mutex;

use crate::buffers::BUFFER_BYTES;

/// Bytes of one chunk, whether of one object or of several.
const CHUNK_BYTES: u64 = BUFFER_BYTES as u64;
/// Maximum number of objects of one chunk.
const CHUNK_PIECES: usize = 64;
/// The layout of a download: the manifest's parts with their places in the whole.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) parts: Vec<Part>,
    /// When it was made: an object counts as sound only if it was checked since.
    pub(crate) made: Instant,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// `None`: the empty member.
    pub(crate) object: Option<ObjectId>,
    /// The start of the part in the download.
    pub(crate) start: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// Bytes of one part, counted from the part's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) part: usize,
    pub(crate) range: Range<u64>,
}

/// Consecutive pieces that are read together.
pub(crate) type Chunk = Vec<Piece>;

impl Plan {
    pub(crate) fn read(text: &[u8]) -> Result<Self> {
        let manifest = serde_json::from_slice(text);
        Self::of(&manifest.map_err(|error| damaged(error.to_string()))?)
    }

    /// Returns the plan of a manifest.
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

    /// Returns a plan of consecutive parts with these lengths.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn of_lengths(lengths: &[u64]) -> Self {
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

    /// Returns its memory in units of parts: even an empty plan takes some.
    const fn weight(&self) -> usize {
        self.parts.len() + 8
    }

    /// Returns the chunks of a range, lazily and in order: each chunk is full, except the last one and those of very
    /// small parts.
    pub(crate) fn chunks(
        self: &Arc<Self>,
        range: Range<u64>,
    ) -> impl Iterator<Item = Chunk> + Send + use<> {
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

/// The plans of sessions that are new or being downloaded. When they would be too large together, the least recently
/// used ones are dropped: a plan that is needed again is soon read again.
#[derive(Debug)]
pub(crate) struct Plans(Mutex<Recent<SessionId, (Etag, Arc<Plan>)>>);

/// The etag of the manifest, beside each plan: an id may recur.
type Etag = [u8; 32];

impl Default for Plans {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(Self::MAX_WEIGHT)))
    }
}

impl Plans {
    /// Parts of all plans together: 24 MB.
    const MAX_WEIGHT: usize = 500_000;

    pub(crate) fn get(&self, session: &Session) -> Option<Arc<Plan>> {
        let mut kept = self.0.lock();
        let (etag, plan) = kept.get(&session.id)?;
        (*etag == session.etag).then(|| Arc::clone(plan))
    }

    pub(crate) fn keep(&self, session: &Session, plan: Plan) -> Arc<Plan> {
        self.keep_as(session.id, session.etag, plan)
    }

    fn keep_as(&self, id: SessionId, etag: Etag, plan: Plan) -> Arc<Plan> {
        let plan = Arc::new(plan);
        // A plan that is too large beside any other is kept alone: otherwise each of its range requests would read the
        // manifest again.
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
