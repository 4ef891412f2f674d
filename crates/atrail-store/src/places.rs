//! One event by its permanent place, and its proof: a segment's GUID, and the event's number in the segment.
//!
//! A compaction moves a segment's bytes, but never changes them, so a place stays valid until its events are deleted.
//! Nothing that is read is trusted: the event's run of lines has to have the hash that was computed when it was sealed.

use std::sync::Arc;

use atrail_archive::read_lines;
use atrail_catalog::segments::FoundSegment;
use atrail_disk::{Others, Reader, Result, StoreError, chain, off_thread_beside};
use atrail_evidence::{
    EventProof, Hash, LeafHash, SUBTREE_LEAVES, SegmentTree, leaf_hash, path_in_segment,
    prove_of_day,
};
use atrail_model::{Day, Domain, SegmentId, Target};
use bytes::Bytes;

use crate::Store;
use crate::core::Core;
use crate::signing::gather_day;

/// A sealed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The domain of the event.
    pub domain: Domain,
    /// The day of its time.
    pub day: Day,
    /// Its leaf hash.
    pub leaf: LeafHash,
    /// Its line, as it is stored.
    pub line: Bytes,
}

/// A sealed event, and the hashes that lead from it to the root of its segment.
struct Placed {
    event: StoredEvent,
    path: Vec<Hash>,
}

impl Store {
    /// Returns the event at a place of the target.
    ///
    /// # Errors
    /// `NotFound` when the target has no such event: none was there, it is another target's, or it was deleted.
    /// `DamagedObject` when the archive's bytes are not those that were sealed.
    pub async fn event_at(
        &self,
        target: Target,
        segment: SegmentId,
        index: u64,
    ) -> Result<StoredEvent> {
        let core = &self.core;
        let found = core.segment_of(target, segment, index).await?;
        Ok(core.read_placed(target, found, index).await?.event)
    }

    /// Returns the event at a place of the target with the proof that the server recorded it, made from the newest state
    /// of its domain's log, which is signed for this if it is not yet.
    ///
    /// # Errors
    /// As for [`Self::event_at`]; `Invalid` when the proof would be too large, or when the catalog or the disk fails.
    pub async fn proof_at(
        &self,
        target: Target,
        segment: SegmentId,
        index: u64,
    ) -> Result<(StoredEvent, EventProof)> {
        let core = &self.core;
        let found = core.segment_of(target, segment, index).await?;
        let (domain, day) = (found.domain, found.segment.place.day);
        let Placed { event, path } = core.read_placed(target, found, index).await?;
        let signer = core.signing.signer().await;
        core.catalog.anchors().check()?;
        let mut snapshot = core.catalog.snapshot("prove an event").await?;
        let most_bytes = core.settings.max_receipt_bytes;
        let of_day = gather_day(&mut snapshot.view(), &domain, day, most_bytes).await?;
        drop(snapshot);
        let evidence = core
            .with_reserve(|| signer.sign_day(of_day.clone()))
            .await?;
        let text = String::from_utf8(event.line.to_vec());
        let text = text.map_err(|_| damaged(segment, "an event is not UTF-8"))?;
        let made = off_thread_beside(Others::Proceed, move || {
            let segment_text = segment.to_string();
            let proof = prove_of_day(&evidence, (day, &segment_text), index, text, path);
            proof.map_err(|error| damaged(segment, &chain(&error)))
        });
        Ok((event, made.await?))
    }
}

impl Core {
    /// Returns the segment if it has this event.
    async fn segment_of(
        &self,
        target: Target,
        segment: SegmentId,
        index: u64,
    ) -> Result<FoundSegment> {
        let mut snapshot = self.catalog.snapshot("look up an event").await?;
        let found = snapshot.view().segment(target, segment).await?;
        let found = found.filter(|found| index < found.segment.count);
        found.ok_or_else(|| StoreError::NotFound {
            what: "event".to_owned(),
        })
    }

    async fn read_placed(
        self: &Arc<Self>,
        target: Target,
        mut found: FoundSegment,
        index: u64,
    ) -> Result<Placed> {
        loop {
            let failed = match self.read_once(&found, index).await {
                Ok(placed) => return Ok(placed),
                Err(error) => error,
            };
            // A compaction or a deletion may have removed the file since the catalog was read: then the catalog names
            // another one, or none.
            let now = self.segment_of(target, found.segment.id, index).await?;
            if now.file == found.file {
                if let StoreError::DamagedObject { .. } = failed {
                    self.counters.damaged_reads.add(1);
                    self.blobs.distrust(&found.file.path);
                }
                return Err(failed);
            }
            found = now;
        }
    }

    async fn read_once(&self, found: &FoundSegment, index: u64) -> Result<Placed> {
        let file = match self
            .blobs
            .open(&found.file.path, Some(found.file.expected()))
            .await
        {
            Ok(file) => file,
            Err(StoreError::NotFound { .. }) => {
                return Err(damaged_object(found, "its file is missing"));
            }
            Err(error) => return Err(error),
        };
        let found = found.clone();
        off_thread_beside(Others::Proceed, move || read(&file, &found, index)).await
    }
}

/// Reads the event's run of lines, and compares it with its hash.
fn read(file: &Reader, found: &FoundSegment, index: u64) -> Result<Placed> {
    let FoundSegment {
        segment,
        subtrees,
        file: object,
        ..
    } = found;
    let run = index / SUBTREE_LEAVES;
    let of_run = run * SUBTREE_LEAVES..((run + 1) * SUBTREE_LEAVES).min(segment.count);
    let has_runs = subtrees.len() as u64 == segment.count.div_ceil(SUBTREE_LEAVES);
    // Without the hashes of the other runs, the whole segment is read.
    let end = if has_runs || segment.count <= SUBTREE_LEAVES {
        of_run.end
    } else {
        segment.count
    };
    let mut tree = SegmentTree::default();
    let (mut leaves, mut line) = (Vec::new(), None);
    let size_bytes = file.checked_stamp()?.size_bytes.min(object.size_bytes);
    let read = read_lines(file, size_bytes, segment.id, |number, text| {
        let is_of_run = of_run.contains(&number);
        if is_of_run || end == segment.count {
            let leaf = leaf_hash(text);
            tree.push(leaf);
            if is_of_run {
                leaves.push(leaf);
            }
            if number == index {
                line = Some((Bytes::copy_from_slice(text), leaf));
            }
        }
        number + 1 < end
    });
    read.map_err(|error| damaged_object(found, &error.to_string()))?;
    let differs = || damaged_object(found, "its lines are not those that were sealed");
    let (line, leaf) = line.ok_or_else(differs)?;
    let runs = if has_runs {
        subtrees.clone()
    } else {
        let (root, runs) = tree.finish();
        if root != segment.root {
            return Err(differs());
        }
        runs
    };
    let path = path_in_segment(index, &leaves, &runs).ok_or_else(differs)?;
    let root = atrail_evidence::root_from_inclusion(leaf, index, segment.count, &path);
    if root != Some(segment.root) {
        return Err(differs());
    }
    Ok(Placed {
        event: StoredEvent {
            domain: segment.place.domain,
            day: segment.place.day,
            leaf,
            line,
        },
        path,
    })
}

fn damaged_object(found: &FoundSegment, why: &str) -> StoreError {
    let object = &found.file;
    StoreError::DamagedObject {
        object: object.id,
        day: object.day,
        hour: object.hour,
        path: object.path.clone(),
        why: why.to_owned(),
    }
}

fn damaged(segment: SegmentId, why: &str) -> StoreError {
    StoreError::Damaged {
        what: format!("segment {segment}"),
        why: why.to_owned(),
    }
}
