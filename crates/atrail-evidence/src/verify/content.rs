//! Compares the file with the planned segments in one pass, in memory that does not grow with the file.
//!
//! It locates mismatches: it recognizes a segment out of order by its first run of events, and it finds extra or
//! missing lines by shifting the following runs a little.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, Read};

use super::lines::{End, Line, Lines};
use super::plan::{Planned, Run};
use super::report::{FindingKind, Findings, Location, Span};
use crate::hash::Hash;
use crate::receipt::Receipt;
use crate::tree::{SUBTREE_LEAVES, TreeHasher, root_of};

/// Largest shift, in lines, at which the search still finds the following run.
const MAX_SHIFT: usize = 32;
/// Most searches in one file: each hashes some ten thousand nodes.
const MAX_SEARCHES: u32 = 100;
/// Most lines beyond the end that are counted.
const MAX_EXTRA_LINES: u64 = 1_000_000;

/// Compares a file with its planned content.
pub(super) struct Content<'a, R: Read> {
    receipt: &'a Receipt,
    planned: &'a [Planned],
    findings: &'a mut Findings,
    lines: Lines<'a, R>,
    /// Lines that were read and not yet judged.
    window: VecDeque<Line>,
    /// Number of lines before the window.
    passed: u64,
    /// Segments by the length and hash of their first run.
    starts: HashMap<u64, HashMap<Hash, usize>>,
    seen: Vec<bool>,
    searches: u32,
    /// Acknowledged events that have not been found yet.
    wanted: HashSet<Hash>,
}

/// The result of a comparison besides its findings.
#[derive(Debug)]
pub(super) struct Compared {
    /// Whether the file's bytes are the original ones.
    pub(super) is_as_made: bool,
    /// Acknowledged events that are not in the file.
    pub(super) not_found: HashSet<Hash>,
}

impl<'a, R: Read> Content<'a, R> {
    pub(super) fn new(
        receipt: &'a Receipt,
        planned: &'a [Planned],
        lines: Lines<'a, R>,
        wanted: HashSet<Hash>,
        findings: &'a mut Findings,
    ) -> Self {
        let mut starts: HashMap<u64, HashMap<Hash, usize>> = HashMap::new();
        for (number, segment) in planned.iter().enumerate() {
            let run = segment.first_run();
            if run.count <= SUBTREE_LEAVES {
                starts
                    .entry(run.count)
                    .or_default()
                    .insert(run.hash, number);
            }
        }
        Self {
            receipt,
            planned,
            findings,
            lines,
            window: VecDeque::new(),
            passed: 0,
            starts,
            seen: vec![false; planned.len()],
            searches: MAX_SEARCHES,
            wanted,
        }
    }

    /// Compares the whole file.
    pub(super) fn compare(mut self) -> io::Result<Compared> {
        let mut last = None;
        while let Some(next) = self.next_unseen(last) {
            if self.fill(1)? == 0 {
                break;
            }
            let here = self.identify(next)?;
            if here != next && self.seen[here] {
                let detail = "the segment is there a second time";
                self.find_at(
                    FindingKind::Extra,
                    here,
                    0,
                    self.planned[here].sealed.count,
                    detail,
                );
            } else if last.is_some_and(|last| here < last) {
                let detail = "the segment stands behind one that follows it";
                self.find_at(
                    FindingKind::Reordered,
                    here,
                    0,
                    self.planned[here].sealed.count,
                    detail,
                );
            }
            self.seen[here] = true;
            last = Some(here);
            self.segment(here)?;
        }
        self.finish()
    }

    /// Returns the segment to expect: the first unseen one after the last, or else the first unseen one.
    fn next_unseen(&self, last: Option<usize>) -> Option<usize> {
        let behind = last.map_or(0, |last| last + 1);
        let unseen = |range: std::ops::Range<usize>| range.into_iter().find(|n| !self.seen[*n]);
        unseen(behind..self.planned.len()).or_else(|| unseen(0..behind))
    }

    /// Identifies the segment that begins here: the expected one, unless the lines match the start of another.
    fn identify(&mut self, expected: usize) -> io::Result<usize> {
        let run = self.planned[expected].first_run();
        if run.count > SUBTREE_LEAVES {
            return Ok(expected);
        }
        self.fill(SUBTREE_LEAVES as usize)?;
        if self.matches(run, 0) {
            return Ok(expected);
        }
        let mut tree = TreeHasher::default();
        let mut found = None;
        for line in self.window.iter().take(SUBTREE_LEAVES as usize) {
            tree.push(line.leaf);
            if let Some(starts) = self.starts.get(&tree.count())
                && let Some(segment) = starts.get(&Hash::from(tree.root()))
            {
                found = Some(*segment);
            }
        }
        Ok(found.unwrap_or(expected))
    }

    /// Compares a segment run by run.
    fn segment(&mut self, number: usize) -> io::Result<()> {
        let planned = &self.planned[number];
        let mut bytes = 0_u64;
        let mut is_right = true;
        let mut runs = planned.runs().peekable();
        while let Some(run) = runs.next() {
            if run.count > SUBTREE_LEAVES {
                is_right &= self.long_run(number, run, &mut bytes)?;
                continue;
            }
            let count = run.count as usize;
            self.fill(count)?;
            if self.matches(run, 0) {
                bytes += self.consume(count);
                continue;
            }
            is_right = false;
            let following = runs.peek().copied().or_else(|| {
                let next = self.next_unseen(Some(number))?;
                Some(self.planned[next].first_run())
            });
            self.mismatch(number, run, following)?;
            if self.fill(1)? == 0 {
                break;
            }
        }
        if is_right && bytes != planned.sealed.size {
            let detail = format!("sealed as {} bytes, has {bytes}", planned.sealed.size);
            self.find_at(
                FindingKind::LogInvalid,
                number,
                0,
                planned.sealed.count,
                &detail,
            );
        }
        Ok(())
    }

    /// Compares a segment whose shorter runs are unknown.
    fn long_run(&mut self, number: usize, run: Run, bytes: &mut u64) -> io::Result<bool> {
        let mut tree = TreeHasher::default();
        let line = self.passed;
        while tree.count() < run.count && self.fill(1)? > 0 {
            tree.push(self.window[0].leaf);
            *bytes += self.consume(1);
        }
        if tree.count() < run.count {
            let (there, all) = (tree.count(), run.count);
            let (kind, detail) = if self.lines.is_damaged() {
                let detail = format!("only {there} of its {all} events can be read");
                (FindingKind::Damaged, detail)
            } else {
                let detail = format!("the file ends behind {there} of its {all} events");
                (FindingKind::Truncated, detail)
            };
            let location = self.location(number, run.first, run.count, line, run.count);
            self.findings.add_at(kind, location, detail);
            return Ok(false);
        }
        if Hash::from(tree.root()) != run.hash {
            let location = self.location(number, run.first, run.count, line, run.count);
            self.findings.add_at(
                FindingKind::Modified,
                location,
                "not the lines that were sealed",
            );
            return Ok(false);
        }
        Ok(true)
    }

    /// Finds out what happened to a run, and moves past it.
    fn mismatch(&mut self, number: usize, run: Run, following: Option<Run>) -> io::Result<()> {
        let count = run.count as usize;
        let following = following.filter(|next| next.count <= SUBTREE_LEAVES);
        let ahead = following.map_or(0, |next| next.count as usize);
        self.fill(count + MAX_SHIFT + ahead.max(1))?;
        if self.searches > 0 {
            self.searches -= 1;
            // Lines before the run that nobody sealed.
            if let Some(extra) = (1..=MAX_SHIFT).find(|shift| self.matches(run, *shift)) {
                let detail = format!("{extra} lines that were not sealed");
                self.find_lines(FindingKind::Extra, number, run.first, extra, &detail);
                self.consume(extra + count);
                return Ok(());
            }
            if let Some(next) = following {
                return self.resynchronise(number, run, next);
            }
        }
        let there = self.window.len();
        if following.is_none() && there > count && there <= count + MAX_SHIFT {
            let detail = format!("{} lines too many in this run", there - count);
            self.find_at(FindingKind::Extra, number, run.first, run.count, &detail);
            self.consume(there);
        } else if there < count {
            // The end of the file explains the rest.
            self.truncated(number, run);
        } else {
            self.modified(number, run);
        }
        Ok(())
    }

    /// Searches for the next run, which shows how many lines this one has too many or too few.
    fn resynchronise(&mut self, number: usize, run: Run, next: Run) -> io::Result<()> {
        let count = run.count as usize;
        let shifts =
            (1..=MAX_SHIFT).flat_map(|shift| [Some(count + shift), count.checked_sub(shift)]);
        let mut places = [Some(count)].into_iter().chain(shifts).chain([Some(0)]);
        let found = places.find_map(|place| place.filter(|place| self.matches(next, *place)));
        match found {
            Some(place) if place > count => {
                let detail = format!("{} lines too many in this run", place - count);
                self.find_at(FindingKind::Extra, number, run.first, run.count, &detail);
                self.consume(place);
            }
            Some(place) if place < count => {
                let detail = format!("{} events are not in the file", count - place);
                self.find_at(FindingKind::Missing, number, run.first, run.count, &detail);
                self.consume(place);
            }
            None if self.window.len() < count => self.truncated(number, run),
            _ => self.modified(number, run),
        }
        Ok(())
    }

    fn modified(&mut self, number: usize, run: Run) {
        self.find_at(
            FindingKind::Modified,
            number,
            run.first,
            run.count,
            "not the lines that were sealed",
        );
        self.consume(run.count as usize);
    }

    fn truncated(&mut self, number: usize, run: Run) {
        let there = self.window.len();
        let (kind, detail) = if self.lines.is_damaged() {
            let detail = format!("only {there} of its lines can be read");
            (FindingKind::Damaged, detail)
        } else {
            let detail = format!("only {there} lines are left in the file");
            (FindingKind::Truncated, detail)
        };
        self.find_at(kind, number, run.first, run.count, &detail);
        self.consume(there);
    }

    /// Reports the lines after the last expected one, and the segments that are missing.
    fn finish(mut self) -> io::Result<Compared> {
        let mut extra = 0;
        let first = self.passed + 1;
        while extra < MAX_EXTRA_LINES && self.fill(1)? > 0 {
            self.consume(1);
            extra += 1;
        }
        if extra > 0 {
            let location = Location {
                lines: Some(Span {
                    first,
                    last: self.passed,
                }),
                ..Location::default()
            };
            self.findings
                .add_at(FindingKind::Extra, location, "lines behind the last event");
        }
        let seen_last = self.seen.iter().rposition(|seen| *seen);
        let tail = seen_last.map_or(0, |last| last + 1);
        for number in (0..tail).filter(|number| !self.seen[*number]) {
            let location = self.planned[number].location(self.receipt);
            let detail = format!(
                "{} events are not in the file",
                self.planned[number].sealed.count
            );
            self.findings.add_at(FindingKind::Missing, location, detail);
        }
        self.tell_end(tail);
        Ok(Compared {
            is_as_made: self.lines.is_as_made(),
            not_found: self.wanted,
        })
    }

    fn tell_end(&mut self, tail: usize) {
        let line = self.passed;
        let location = Location {
            lines: Some(Span {
                first: line + 1,
                last: line + 1,
            }),
            ..Location::default()
        };
        match self.lines.end() {
            Some(End::InLine) => {
                let (kind, detail) = if self.lines.is_damaged() {
                    let detail = "the file does not begin as a gzip file does";
                    (FindingKind::Damaged, detail)
                } else {
                    (FindingKind::Truncated, "the last line is not ended")
                };
                self.findings.add_at(kind, location.clone(), detail);
            }
            Some(End::Cut) => {
                let detail = "the compressed data ends too early";
                self.findings
                    .add_at(FindingKind::Truncated, location.clone(), detail);
            }
            Some(End::Damaged(why)) => {
                let detail = format!("the compressed data is damaged: {why}");
                self.findings
                    .add_at(FindingKind::Damaged, location.clone(), detail);
            }
            Some(End::Whole) | None => {}
        }
        let missing = &self.planned[tail..];
        if let Some(first) = missing.first() {
            let counts = missing.iter().map(|segment| segment.sealed.count);
            let events = counts.fold(0, u64::saturating_add);
            let segments = missing.len();
            let (kind, detail) = if self.lines.is_damaged() {
                let detail = format!(
                    "damaged behind line {line}; {events} events of {segments} segments cannot be read"
                );
                (FindingKind::Damaged, detail)
            } else {
                let detail = format!(
                    "ends behind line {line}; {events} events of {segments} segments are not in the file"
                );
                (FindingKind::Truncated, detail)
            };
            let location = first.location(self.receipt);
            self.findings.add_at(kind, location, detail);
        }
    }

    /// Reads until the window holds this many lines, or the file ends; returns the number of lines in the window.
    fn fill(&mut self, count: usize) -> io::Result<usize> {
        while self.window.len() < count {
            let Some(line) = self.lines.next()? else {
                break;
            };
            if !self.wanted.is_empty() {
                self.wanted.remove(&Hash::from(line.leaf));
            }
            self.window.push_back(line);
        }
        Ok(self.window.len())
    }

    /// Moves past this many lines, or past all; returns their bytes.
    fn consume(&mut self, count: usize) -> u64 {
        let count = count.min(self.window.len());
        self.passed += count as u64;
        self.window.drain(..count).map(|line| line.bytes).sum()
    }

    /// Returns whether the run begins after this many lines of the window.
    fn matches(&self, run: Run, place: usize) -> bool {
        let count = run.count as usize;
        self.window.len() >= place + count && {
            let leaves = self
                .window
                .range(place..place + count)
                .map(|line| line.leaf);
            Hash::from(root_of(leaves)) == run.hash
        }
    }

    fn find_at(&mut self, kind: FindingKind, number: usize, first: u64, count: u64, detail: &str) {
        let location = self.location(number, first, count, self.passed, count);
        self.findings.add_at(kind, location, detail);
    }

    /// Adds a finding about this many lines before event `event`.
    fn find_lines(
        &mut self,
        kind: FindingKind,
        number: usize,
        event: u64,
        lines: usize,
        detail: &str,
    ) {
        let location = self.location(number, event, 1, self.passed, lines as u64);
        self.findings.add_at(kind, location, detail);
    }

    fn location(&self, number: usize, first: u64, count: u64, line: u64, lines: u64) -> Location {
        Location {
            events: Some(Span {
                first,
                last: first.saturating_add(count.saturating_sub(1)),
            }),
            lines: Some(Span {
                first: line + 1,
                last: line.saturating_add(lines.max(1)),
            }),
            ..self.planned[number].location(self.receipt)
        }
    }
}
