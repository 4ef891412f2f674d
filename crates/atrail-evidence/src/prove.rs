//! Builds the proof of one event from a file and its receipt.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};

use atrail_model::Day;

use crate::days;
use crate::entry::DayEntry;
use crate::event_proof::{EventPath, EventProof, PROOF_TYPE, PROOF_VERSION};
use crate::hash::Hash;
use crate::json;
use crate::leaf::{LeafHash, leaf_hash};
use crate::manifest::Manifest;
use crate::proof::{NodeId, ProofPlan};
use crate::receipt::{DomainEvidence, Receipt, ReceiptError};
use crate::record::Record;
use crate::tree::{SUBTREE_LEAVES, TreeHasher, root_of};
use crate::verify::Lines;

/// Longest event; no log holds a longer one.
const MAX_EVENT_BYTES: usize = 64 << 20;

const DAYS: ProveError = ProveError::Mismatch("its days are not proven");

/// Why a proof cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The receipt cannot be read.
    #[error("the receipt cannot be used")]
    Receipt(#[from] ReceiptError),
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[from] io::Error),
    /// There is no such event.
    #[error("the file has no such event")]
    NoEvent,
    /// The file and the receipt belong to different downloads.
    #[error("the receipt and the file do not belong together: {0}")]
    Mismatch(&'static str),
}

/// Returns the number, from 1, of the first line whose member `id` has this value.
///
/// # Errors
/// When reading fails, or no line has this id.
pub fn line_of_id(file: impl Read, id: &str) -> Result<u64, ProveError> {
    #[derive(serde::Deserialize)]
    struct Event {
        id: Option<String>,
    }
    let manifest = Manifest { objects: vec![] };
    let mut lines = Lines::new(file, &manifest)?;
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let line = lines.next_with(|piece| {
            if text.len() < MAX_EVENT_BYTES {
                text.extend_from_slice(piece);
            }
        })?;
        if line.is_none() {
            break;
        }
        let event = serde_json::from_slice::<Event>(&text);
        if event.is_ok_and(|event| event.id.as_deref() == Some(id)) {
            return Ok(number);
        }
    }
    Err(ProveError::NoEvent)
}

/// Builds the proof of the event in this line, from 1.
///
/// # Errors
/// When there is no such event, or the file and the receipt do not agree on it.
pub fn prove(receipt: &str, file: impl Read, line: u64) -> Result<EventProof, ProveError> {
    let (receipt, _) = Receipt::parse(receipt)?;
    let manifest: Manifest = json::parse(&receipt.manifest, "the manifest")
        .map_err(|error| ProveError::Receipt(error.into()))?;
    let sealed = Sealed::all(&receipt)?;
    let mut before = line.checked_sub(1).ok_or(ProveError::NoEvent)?;
    for object in &manifest.objects {
        for id in &object.segments {
            let found = sealed
                .get(id.as_str())
                .ok_or(ProveError::Mismatch("a segment is not in the day lists"))?;
            if before < found.count {
                let first = line - 1 - before;
                let (event, path) = read_event(file, &manifest, first, before, found.count)?;
                return found.prove(id, before, event, path);
            }
            before -= found.count;
        }
    }
    Err(ProveError::NoEvent)
}

/// Builds the proof of event `index` of a segment, from the evidence of its domain for one day alone: the range proof in
/// it is of that day. `path` is the audit path of the event in its segment.
///
/// # Errors
/// When the day's list does not seal the segment.
pub fn prove_of_day(
    evidence: &DomainEvidence,
    (day, segment): (Day, &str),
    index: u64,
    event: String,
    path: Vec<Hash>,
) -> Result<EventProof, ProveError> {
    let day = day.to_string();
    let mut all = HashMap::new();
    Sealed::add(&mut all, evidence, (&day, &day))?;
    let sealed = all
        .get(segment)
        .ok_or(ProveError::Mismatch("a segment is not in the day lists"))?;
    sealed.prove(segment, index, event, path)
}

/// Returns the audit path of an event in its segment, given the leaves of its run of [`SUBTREE_LEAVES`] and the hashes of
/// all runs of the segment; `None` when there is no such event.
///
/// [`SUBTREE_LEAVES`]: crate::SUBTREE_LEAVES
#[must_use]
pub fn path_in_segment(index: u64, run: &[LeafHash], runs: &[Hash]) -> Option<Vec<Hash>> {
    let (number, within) = (index / SUBTREE_LEAVES, index % SUBTREE_LEAVES);
    let mut path = path_in(run.iter().copied(), within, run.len() as u64)?;
    let runs_as_leaves = runs.iter().map(|run| LeafHash(run.0));
    path.extend(path_in(runs_as_leaves, number, runs.len() as u64)?);
    Some(path)
}

/// Returns the audit path of a leaf in a tree of these leaves.
fn path_in(leaves: impl Iterator<Item = LeafHash>, index: u64, size: u64) -> Option<Vec<Hash>> {
    let plan = ProofPlan::inclusion(index, size)?;
    let (mut tree, mut nodes) = (TreeHasher::default(), HashMap::new());
    for (number, leaf) in (0_u64..).zip(leaves) {
        for (level, root) in (0_u8..).zip(tree.push_completing(leaf)) {
            let index = number >> level;
            nodes.insert(NodeId { level, index }, root);
        }
    }
    plan.prove(|node| nodes.get(&node).copied())
}

/// A segment and the entry that sealed it.
struct Sealed<'r> {
    /// The first and last day of the evidence's range proof.
    days: (&'r str, &'r str),
    evidence: &'r DomainEvidence,
    list: usize,
    position: usize,
    count: u64,
}

impl<'r> Sealed<'r> {
    fn all(receipt: &'r Receipt) -> Result<HashMap<String, Self>, ProveError> {
        let mut all = HashMap::new();
        let days = (receipt.scope.start.as_str(), receipt.scope.end.as_str());
        for evidence in &receipt.domains {
            Self::add(&mut all, evidence, days)?;
        }
        Ok(all)
    }

    /// Adds the segments of a domain.
    fn add(
        all: &mut HashMap<String, Self>,
        evidence: &'r DomainEvidence,
        days: (&'r str, &'r str),
    ) -> Result<(), ProveError> {
        for (list, day) in evidence.lists.iter().enumerate() {
            for (position, text) in day.entries.iter().enumerate() {
                let entry =
                    DayEntry::parse(text).map_err(|error| ProveError::Receipt(error.into()))?;
                let DayEntry::Seal(seal) = entry else {
                    continue;
                };
                for segment in seal.segments {
                    let sealed = Self {
                        days,
                        evidence,
                        list,
                        position,
                        count: segment.count,
                    };
                    all.insert(segment.id, sealed);
                }
            }
        }
        Ok(())
    }

    fn prove(
        &self,
        segment: &str,
        index: u64,
        event: String,
        path: Vec<Hash>,
    ) -> Result<EventProof, ProveError> {
        let evidence = self.evidence;
        let list = &evidence.lists[self.list];
        let record =
            Record::parse(&evidence.record).map_err(|error| ProveError::Receipt(error.into()))?;
        let (position, size) = (self.position as u64, list.entries.len() as u64);
        let leaves = list.entries.iter().map(|text| leaf_hash(text.as_bytes()));
        let entries = path_in(leaves, position, size)
            .ok_or(ProveError::Mismatch("the entry is not in the day list"))?;
        Ok(EventProof {
            extra: EventPath {
                kind: PROOF_TYPE.to_owned(),
                version: PROOF_VERSION,
                domain: evidence.domain.clone(),
                event,
                segment: segment.to_owned(),
                index,
                path,
                entry: list.entries[self.position].clone(),
                day: list.day.clone(),
                position,
                size,
                entries,
                days: self.days(&list.day)?,
                record: evidence.record.clone(),
                control: evidence.control.clone(),
            },
            index: record.index,
            inclusion: evidence.inclusion.clone(),
            checkpoint: evidence.checkpoint.clone(),
        })
    }

    /// Derives the range proof of one day from that of the receipt's days.
    fn days(&self, day: &str) -> Result<Vec<Hash>, ProveError> {
        let number = |day: &str| {
            let day: Option<Day> = day.parse().ok();
            day.and_then(|day| u16::try_from(day.number()).ok())
        };
        let (first, last) = self.days;
        let (first, last) = number(first).zip(number(last)).ok_or(DAYS)?;
        let lists = &self.evidence.lists;
        let leaf = |wanted: u16| {
            let list = lists.iter().find(|list| number(&list.day) == Some(wanted));
            list.map_or_else(
                || days::empty(0),
                |list| {
                    let leaves = list.entries.iter().map(|text| leaf_hash(text.as_bytes()));
                    days::leaf(list.entries.len() as u64, root_of(leaves))
                },
            )
        };
        let day = number(day).ok_or(DAYS)?;
        days::narrow((first, last), day, leaf, &self.evidence.days).ok_or(DAYS)
    }
}

/// Reads the event in a line, from 0, and computes its audit path in its segment, where it is event `index`.
fn read_event(
    file: impl Read,
    manifest: &Manifest,
    segment_begins: u64,
    index: u64,
    count: u64,
) -> Result<(String, Vec<Hash>), ProveError> {
    const SHORT: ProveError = ProveError::Mismatch("the file is too short");
    let mut lines = Lines::new(file, manifest)?;
    for _ in 0..segment_begins {
        lines.next()?.ok_or(SHORT)?;
    }
    let plan = ProofPlan::inclusion(index, count).ok_or(SHORT)?;
    let wanted: HashSet<NodeId> = plan.nodes().collect();
    let (mut tree, mut nodes) = (TreeHasher::default(), HashMap::new());
    let mut event = Vec::new();
    for number in 0..count {
        let line = lines.next_with(|piece| {
            if number == index && event.len() < MAX_EVENT_BYTES {
                event.extend_from_slice(piece);
            }
        })?;
        let line = line.ok_or(SHORT)?;
        for (level, root) in (0_u8..).zip(tree.push_completing(line.leaf)) {
            let node = NodeId {
                level,
                index: number >> level,
            };
            if wanted.contains(&node) {
                nodes.insert(node, root);
            }
        }
    }
    let path = plan.prove(|node| nodes.get(&node).copied()).ok_or(SHORT)?;
    let event = String::from_utf8(event)
        .map_err(|_| ProveError::Mismatch("the event is not valid UTF-8"))?;
    Ok((event, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::root_from_inclusion;
    use crate::tree::SegmentTree;

    #[test]
    fn a_path_through_runs_leads_to_the_segments_root() {
        let all: Vec<_> = (0..5000_u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        for count in [1, 2, 1023, 1024, 1025, 1500, 2048, 2049, 3072, 5000_u64] {
            let leaves = &all[..usize::try_from(count).unwrap()];
            let mut tree = SegmentTree::default();
            leaves.iter().for_each(|leaf| tree.push(*leaf));
            let (root, runs) = tree.finish();
            let chunks: Vec<_> = leaves.chunks(1024).collect();
            for index in [0, 1, 5, 1023, 1024, 1030, 2047, 2048, 3071, 4999] {
                let run = usize::try_from(index / 1024).unwrap();
                let run = chunks.get(run).copied().unwrap_or_default();
                let path = path_in_segment(index, run, &runs);
                if index >= count {
                    assert_eq!(path, None, "{index} of {count}");
                    continue;
                }
                let leaf = leaves[usize::try_from(index).unwrap()];
                let led = root_from_inclusion(leaf, index, count, &path.unwrap());
                assert_eq!(led, Some(root), "{index} of {count}");
            }
        }
    }
}
