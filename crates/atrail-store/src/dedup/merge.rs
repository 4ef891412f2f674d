//! Merges many runs into few, so that looking up an event stays cheap.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::io;
use std::sync::Arc;

use super::run::{self, Entry, Head, Run};
use super::runs::WriteAt;

/// Runs of one tier and hour of sealing that are merged into one of the next.
const FAN_IN: usize = 8;
/// Maximum entries of a run, so that the cost of one merge is bounded.
const ENTRIES_MAX: u64 = 16 << 20;

/// Returns runs to merge: sealed within one hour, so that the result expires hardly later than its parts. Runs that
/// rest are skipped.
pub(super) fn due(runs: &[Arc<Run>], now_secs: i64) -> Option<Vec<Arc<Run>>> {
    let mut groups: HashMap<(i64, u32), Vec<&Arc<Run>>> = HashMap::new();
    for run in runs.iter().filter(|run| run.is_rested(now_secs)) {
        let hour = run.head.sealed_secs.div_euclid(3600);
        let group = groups.entry((hour, run.head.tier)).or_default();
        group.push(run);
        let total: u64 = group.iter().map(|run| run.head.entries).sum();
        if total > ENTRIES_MAX {
            group.pop();
        } else if group.len() == FAN_IN {
            return Some(group.iter().map(|run| Arc::clone(run)).collect());
        }
    }
    None
}

/// Writes one run with the contents of these.
pub(super) fn merge(out: &mut dyn WriteAt, runs: &[Arc<Run>]) -> io::Result<()> {
    let places: BTreeSet<_> = runs
        .iter()
        .flat_map(|run| run.head.places.clone())
        .collect();
    let mut segments = Vec::new();
    let mut offsets = Vec::with_capacity(runs.len());
    for run in runs {
        offsets.push(u32::try_from(segments.len()).map_err(io::Error::other)?);
        segments.extend_from_slice(&run.head.segments);
    }
    let head = Head {
        tier: runs.iter().map(|run| run.head.tier).max().unwrap_or(0) + 1,
        entries: runs.iter().map(|run| run.head.entries).sum(),
        sealed_secs: runs
            .iter()
            .map(|run| run.head.sealed_secs)
            .max()
            .unwrap_or(0),
        places: places.into_iter().collect(),
        segments,
    };
    let sources = runs
        .iter()
        .zip(offsets)
        .map(|(run, offset)| {
            let moved = move |entry: Entry| Entry {
                // Beyond every segment, if the entry was damaged: then a lookup of the entry detects it.
                segment: entry.segment.saturating_add(offset),
                ..entry
            };
            let entries = run.entries()?;
            Ok(entries.map(move |entry| entry.map(moved)))
        })
        .collect::<io::Result<_>>()?;
    run::write(out, &head, Merged::new(sources))
}

/// Merges the entries of sorted sources into one order. Ends with the first error.
struct Merged<I> {
    sources: Vec<I>,
    heads: BinaryHeap<Reverse<(Entry, usize)>>,
    error: Option<io::Error>,
}

impl<I: Iterator<Item = io::Result<Entry>>> Merged<I> {
    fn new(sources: Vec<I>) -> Self {
        let mut merged = Self {
            heads: BinaryHeap::with_capacity(sources.len()),
            sources,
            error: None,
        };
        (0..merged.sources.len()).for_each(|source| merged.advance(source));
        merged
    }

    fn advance(&mut self, source: usize) {
        match self.sources[source].next() {
            Some(Ok(entry)) => self.heads.push(Reverse((entry, source))),
            Some(Err(error)) => self.error = Some(error),
            None => {}
        }
    }
}

impl<I: Iterator<Item = io::Result<Entry>>> Iterator for Merged<I> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            self.heads.clear();
            return Some(Err(error));
        }
        let Reverse((entry, source)) = self.heads.pop()?;
        self.advance(source);
        Some(Ok(entry))
    }
}
