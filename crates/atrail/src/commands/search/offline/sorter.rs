//! Sorts hits in bounded memory: what does not fit is written to temporary files and merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::PathBuf;

use super::run::{Run, RunReader};
use super::sortable::{Key, Sortable};

/// Lines that are held in memory before they are written, in bytes.
const HELD_BYTES: usize = 64 << 20;
/// What a held line costs beside its bytes.
const OVERHEAD_BYTES: usize = size_of::<Sortable>() + 16;
/// Temporary files that are open at once, per level; so many are merged into one of the next level.
const RUNS_PER_LEVEL: usize = 48;

/// Collects hits, and returns them in their order: all of them, or the first of them.
#[derive(Debug)]
pub(super) struct Sorter {
    dir: PathBuf,
    held_max: usize,
    limit: Option<u64>,
    held: Vec<Sortable>,
    held_bytes: usize,
    /// Sorted runs on the disk; each level merges runs of the level before.
    levels: Vec<Vec<Run>>,
    /// The last hit that can still be among the first `limit`, once there are so many.
    last: Option<Key>,
}

impl Sorter {
    /// Returns a sorter that keeps the first `limit` hits, or all, and writes temporary files into `dir`.
    pub(super) fn new(dir: PathBuf, limit: Option<u64>) -> Self {
        Self::holding(HELD_BYTES, dir, limit)
    }

    fn holding(held_max: usize, dir: PathBuf, limit: Option<u64>) -> Self {
        Self {
            dir,
            held_max,
            limit,
            held: Vec::new(),
            held_bytes: 0,
            levels: Vec::new(),
            last: None,
        }
    }

    /// Adds a hit.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub(super) fn push(&mut self, key: Key, line: &[u8]) -> io::Result<()> {
        if self.limit == Some(0) || self.last.is_some_and(|last| key > last) {
            return Ok(());
        }
        self.held_bytes += line.len() + OVERHEAD_BYTES;
        let line = line.to_vec();
        self.held.push(Sortable { key, line });
        if self.held_bytes > self.held_max {
            self.tidy();
            if self.held_bytes > self.held_max / 2 {
                self.write_held()?;
            }
        }
        Ok(())
    }

    /// Sorts what is held, and drops what cannot be among the first.
    fn tidy(&mut self) {
        self.held.sort_unstable_by_key(|hit| hit.key);
        let Some(limit) = self.limit.and_then(|limit| usize::try_from(limit).ok()) else {
            return;
        };
        if self.held.len() < limit {
            return;
        }
        self.held.truncate(limit);
        let bytes = self.held.iter().map(|hit| hit.line.len() + OVERHEAD_BYTES);
        self.held_bytes = bytes.sum();
        let last = self.held.last().map(|hit| hit.key);
        self.last = [self.last, last].into_iter().flatten().min();
    }

    fn write_held(&mut self) -> io::Result<()> {
        let run = Run::write(&self.dir, self.held.drain(..).map(Ok))?;
        self.held_bytes = 0;
        self.add(run, 0)
    }

    fn add(&mut self, run: Run, level: usize) -> io::Result<()> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(run);
        if self.levels[level].len() < RUNS_PER_LEVEL {
            return Ok(());
        }
        let runs = std::mem::take(&mut self.levels[level]);
        let merged = Merge::new(runs, Vec::new(), self.limit)?;
        let run = Run::write(&self.dir, merged)?;
        self.add(run, level + 1)
    }

    /// Returns the hits in their order.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub(super) fn finish(mut self) -> io::Result<Merge> {
        self.tidy();
        let runs = self.levels.drain(..).flatten().collect();
        Merge::new(runs, self.held, self.limit)
    }
}

/// Merges sorted runs.
#[derive(Debug)]
pub(in crate::commands::search) struct Merge {
    sources: Vec<Source>,
    /// The next hit of each source.
    next: BinaryHeap<Reverse<(Key, usize)>>,
    left: Option<u64>,
}

#[derive(Debug)]
struct Source {
    /// The hit whose key is in the heap.
    line: Vec<u8>,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    Written(RunReader),
    Held(std::vec::IntoIter<Sortable>),
}

impl Merge {
    fn new(runs: Vec<Run>, held: Vec<Sortable>, limit: Option<u64>) -> io::Result<Self> {
        let mut merge = Self {
            sources: Vec::new(),
            next: BinaryHeap::new(),
            left: limit,
        };
        let written = runs.into_iter().map(|run| run.read().map(Rest::Written));
        let held = std::iter::once(Ok(Rest::Held(held.into_iter())));
        for rest in written.chain(held) {
            let line = Vec::new();
            merge.sources.push(Source { line, rest: rest? });
            merge.advance(merge.sources.len() - 1)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, source: usize) -> io::Result<()> {
        let next = match &mut self.sources[source].rest {
            Rest::Written(reader) => reader.next()?,
            Rest::Held(held) => held.next(),
        };
        if let Some(Sortable { key, line }) = next {
            self.sources[source].line = line;
            self.next.push(Reverse((key, source)));
        }
        Ok(())
    }

    fn take(&mut self) -> io::Result<Option<Sortable>> {
        if self.left == Some(0) {
            return Ok(None);
        }
        let Some(Reverse((key, source))) = self.next.pop() else {
            return Ok(None);
        };
        self.left = self.left.map(|left| left - 1);
        let line = std::mem::take(&mut self.sources[source].line);
        self.advance(source)?;
        Ok(Some(Sortable { key, line }))
    }
}

impl Iterator for Merge {
    type Item = io::Result<Sortable>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}

#[cfg(test)]
mod tests {
    use atrail_model::{AccountId, Domain, SpaceId};

    use super::*;

    /// Returns numbers in an order that looks random.
    fn shuffled(count: u64) -> Vec<Key> {
        let mut keys: Vec<_> = (0..count)
            .map(|number| {
                let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                Key {
                    time: i128::from(mixed >> 60) - 8,
                    domain: match mixed >> 58 & 3 {
                        0 => None,
                        1 => Some(Domain::Account(AccountId::from_bytes([0; 16]))),
                        n => Some(Domain::Space(SpaceId::from_bytes([n as u8; 16]))),
                    },
                    file: (mixed >> 57 & 1) as u32,
                    number,
                }
            })
            .collect();
        keys.sort_unstable_by_key(|key| key.number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        keys
    }

    fn sorted(keys: &[Key], held_max: usize, limit: Option<u64>) -> (Vec<Key>, usize) {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::holding(held_max, dir.path().to_owned(), limit);
        for key in keys {
            sorter.push(*key, &key.number.to_le_bytes()).unwrap();
        }
        let written = sorter.levels.iter().map(Vec::len).sum();
        let hits = sorter.finish().unwrap().map(|hit| {
            let hit = hit.unwrap();
            assert_eq!(hit.line, hit.key.number.to_le_bytes());
            hit.key
        });
        let hits = hits.collect();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "files");
        (hits, written)
    }

    #[test]
    fn whatever_is_held_the_order_is_the_same() {
        let keys = shuffled(3_000);
        let mut expected = keys.clone();
        expected.sort_unstable();
        for limit in [None, Some(0), Some(1), Some(7), Some(1_000), Some(30_000)] {
            let count = limit.map_or(keys.len(), |limit| keys.len().min(limit as usize));
            // The least holds two hits: that many runs need a second level of merging.
            for held_max in [2 * OVERHEAD_BYTES, 100 * OVERHEAD_BYTES, 1 << 30] {
                let (hits, written) = sorted(&keys, held_max, limit);
                assert_eq!(hits, expected[..count], "{limit:?} {held_max}");
                let fits = held_max == 1 << 30 || limit == Some(0);
                assert!(!fits || written == 0, "{limit:?} {held_max}: {written}");
                let exceeds = held_max < 1_000 * OVERHEAD_BYTES && limit.is_none();
                assert!(!exceeds || written > 1, "{limit:?} {held_max}: {written}");
            }
        }
    }
}
