//! The pieces of a search: each looks at one file of the index, one object, or one hour of unsealed events.

use std::collections::HashSet;
use std::sync::Arc;

use atrail_archive::members::Members;
use atrail_catalog::index_files::IndexFileRow;
use atrail_catalog::searching::SearchedObject;
use atrail_disk::StoreError;
use atrail_model::event::time_of;
use atrail_model::{Day, Hour, SegmentId, Timestamp};
use atrail_search::index::{PartReader, Plan, Row, Selection};
use atrail_search::{Matcher, TimeRange};

use super::blocks::{Blocks, damaged, open_object};
use super::budget::Limits;
use super::days::{Domains, Listing, Uncovered, UnsealedHour};
use super::error::Stop;
use super::index_cache::Unopened;
use super::rank::{At, Line};
use super::types::{Question, Searched};
use crate::core::Core;

/// Unsealed lines that are looked at before the limits are.
const LINES_AT_ONCE: usize = 512;
/// Rows of the index whose lines are looked at together.
pub(super) const ROWS_AT_ONCE: usize = 4096;
const DAY_MICROS: i64 = 86_400_000_000;
const HOUR_MICROS: i64 = 3_600_000_000;

/// A question in the form in which its pieces use it.
pub(super) struct Asked {
    pub(super) core: Arc<Core>,
    pub(super) domains: Domains,
    pub(super) range: TimeRange,
    pub(super) matcher: Matcher,
    pub(super) plan: Plan,
}

/// A piece of work, with the times of the events that it may find, in microseconds.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) oldest: i64,
    pub(super) newest: i64,
    what: What,
}

#[derive(Debug)]
enum What {
    File(Arc<IndexFileRow>),
    Object(Arc<SearchedObject>, Uncovered),
    Unsealed(u32, Arc<UnsealedHour>),
}

/// What a search does with what its pieces find.
pub(super) trait Sink: Send + 'static {
    /// Reports whether events between these times still matter.
    fn needs(&self, oldest: i64, newest: i64) -> bool;

    /// Reports whether later parts of a day are looked at first.
    fn is_newest_first(&self) -> bool;

    /// Accepts an event that matches and lies in the range.
    fn event(&mut self, found: Event<'_>) -> Result<(), Stop>;

    /// Accepts rows of the index: it handles those that match for sure, and has [`Worker::decide`] look at the lines of
    /// others.
    fn rows(&mut self, worker: &mut Worker, part: PartRows<'_>) -> Result<(), Stop>;
}

/// An event that matches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) time: Timestamp,
    pub(super) domain: u32,
    pub(super) at: At,
    pub(super) line: &'a [u8],
}

/// Rows of one part of a file of the index.
pub(super) struct PartRows<'a> {
    pub(super) row: &'a IndexFileRow,
    pub(super) reader: PartReader<'a>,
    pub(super) selection: Selection,
    pub(super) domain: u32,
    /// Whether times may be finer than microseconds.
    pub(super) has_finer_times: bool,
}

/// One thread's work for a search.
pub(super) struct Worker {
    pub(super) asked: Arc<Asked>,
    pub(super) limits: Limits,
    pub(super) blocks: Blocks,
    pub(super) searched: Searched,
}

impl Asked {
    pub(super) fn new(core: &Arc<Core>, domains: Domains, question: &Question) -> Self {
        Self {
            core: Arc::clone(core),
            domains,
            range: question.range,
            matcher: Matcher::new(&question.query),
            plan: Plan::new(&question.query),
        }
    }
}

/// Returns the pieces of these days that may have events in the range.
pub(super) fn jobs(listing: &Listing, range: TimeRange) -> Vec<Job> {
    let mut jobs = Vec::new();
    for file in &listing.files {
        let oldest = i64::from(file.day.number()) * DAY_MICROS;
        jobs.push(Job {
            oldest,
            newest: oldest + DAY_MICROS - 1,
            what: What::File(Arc::clone(file)),
        });
    }
    for (object, wanted) in &listing.objects {
        let what = What::Object(Arc::clone(object), wanted.clone());
        jobs.push(Job::of_hour(object.file.day, object.file.hour, what));
    }
    for (nth, hour) in (0..).zip(&listing.unsealed) {
        let what = What::Unsealed(nth, Arc::clone(hour));
        jobs.push(Job::of_hour(hour.place.day, hour.place.hour, what));
    }
    let (from, to) = (range.from.as_nanosecond(), range.to.as_nanosecond());
    let nanos = |micros: i64| i128::from(micros) * 1000;
    jobs.retain(|job| nanos(job.newest) + 999 >= from && nanos(job.oldest) < to);
    jobs
}

impl Job {
    fn of_hour(day: Day, hour: Hour, what: What) -> Self {
        let oldest = hour_start(day, hour);
        Self {
            oldest,
            newest: oldest + HOUR_MICROS - 1,
            what,
        }
    }
}

fn hour_start(day: Day, hour: Hour) -> i64 {
    i64::from(day.number()) * DAY_MICROS + i64::from(hour.number()) * HOUR_MICROS
}

impl Worker {
    pub(super) fn run(&mut self, job: &Job, sink: &mut impl Sink) -> Result<(), Stop> {
        self.limits.check()?;
        match &job.what {
            What::File(row) => self.file(row, sink),
            What::Object(object, wanted) => self.object(object, wanted.as_deref(), sink),
            What::Unsealed(list, hour) => self.unsealed(*list, hour, sink),
        }
    }

    /// Returns the time of a line that matches and lies in the range.
    fn matches(&self, line: &[u8], hour: impl FnOnce() -> i64) -> Option<Timestamp> {
        if !self.asked.matcher.matches(line) {
            return None;
        }
        let time = time_of(line).or_else(|| Timestamp::from_microsecond(hour()).ok())?;
        self.asked.range.contains(time).then_some(time)
    }

    fn unsealed(
        &mut self,
        list: u32,
        hour: &UnsealedHour,
        sink: &mut impl Sink,
    ) -> Result<(), Stop> {
        let domain = self.asked.domains.number(hour.place.domain);
        for (nth, line) in (0..).zip(&hour.lines) {
            if nth % LINES_AT_ONCE as u32 == 0 {
                self.limits.check()?;
            }
            self.searched.events += 1;
            let start = || hour_start(hour.place.day, hour.place.hour);
            if let Some(time) = self.matches(line, start) {
                sink.event(Event {
                    time,
                    domain,
                    at: At::Unsealed { list, nth },
                    line,
                })?;
            }
        }
        Ok(())
    }

    fn object(
        &mut self,
        object: &SearchedObject,
        wanted: Option<&HashSet<SegmentId>>,
        sink: &mut impl Sink,
    ) -> Result<(), Stop> {
        let asked = Arc::clone(&self.asked);
        let (core, file) = (&asked.core, &object.file);
        let segments = &object.contents.segments;
        let broken = |why: &str| {
            core.counters.damaged_reads.add(1);
            core.blobs.distrust(&file.path);
            Stop::Failed(damaged(file, why).into())
        };
        let reader = open_object(core, file)?;
        let starts = match wanted {
            None => Arc::from([0]),
            Some(_) => {
                let starts = core.starts.of(file.id, &reader, file.size_bytes, segments);
                starts.map_err(|error| broken(&error.to_string()))?
            }
        };
        // Stretches of segments to read: all of them, or those that no index covers.
        let mut stretches: Vec<std::ops::Range<usize>> = Vec::new();
        match wanted {
            None => stretches.push(0..segments.len()),
            Some(wanted) => {
                let nths = (0..).zip(segments).filter(|(_, id)| wanted.contains(id));
                for (nth, _) in nths {
                    match stretches.last_mut() {
                        Some(last) if last.end == nth => last.end = nth + 1,
                        _ => stretches.push(nth..nth + 1),
                    }
                }
            }
        }
        let domain = asked.domains.number(object.domain);
        for stretch in stretches {
            let begin = starts.get(stretch.start).copied().unwrap_or(0);
            let end = match starts.get(stretch.end) {
                Some(end) if wanted.is_some() => *end,
                _ => file.size_bytes,
            };
            let mut expected = segments[stretch].iter();
            let mut members = Members::of(reader.clone(), begin..end);
            let mut current: Option<(SegmentId, u64, u64)> = None;
            while let Some(member) = members.next().map_err(|error| broken(&error.to_string()))? {
                self.limits.check()?;
                if let Some(begun) = member.segment {
                    if expected.next() != Some(&begun.id) {
                        return Err(broken("its segments are not those of the catalog"));
                    }
                    current = Some((begun.id, member.offset, 0));
                }
                let Some((segment, start, index)) = &mut current else {
                    return Err(broken("its first member describes no segment"));
                };
                self.searched.bytes_scanned += member.text.len() as u64;
                let block = member.offset - *start;
                let block_bytes = u32::try_from(member.size_bytes).unwrap_or(u32::MAX);
                let mut rest = member.text;
                let mut nth = 0;
                if asked.matcher.excludes(rest) {
                    let lines = memchr::memchr_iter(b'\n', rest).count() as u64;
                    *index += lines;
                    self.searched.events += lines;
                    continue;
                }
                while let Some(end) = memchr::memchr(b'\n', rest) {
                    let line = &rest[..end];
                    let hour = || hour_start(file.day, file.hour);
                    if let Some(time) = self.matches(line, hour) {
                        let at = At::Sealed(Line {
                            segment: *segment,
                            index: *index,
                            block,
                            block_bytes,
                            line: nth,
                        });
                        sink.event(Event {
                            time,
                            domain,
                            at,
                            line,
                        })?;
                    }
                    nth += 1;
                    *index += 1;
                    self.searched.events += 1;
                    rest = &rest[end + 1..];
                }
            }
            if expected.next().is_some() {
                return Err(broken("its segments are not those of the catalog"));
            }
        }
        Ok(())
    }

    fn file(&mut self, row: &Arc<IndexFileRow>, sink: &mut impl Sink) -> Result<(), Stop> {
        let asked = Arc::clone(&self.asked);
        let core = &asked.core;
        let opened = core.index_cache.open(&*core.index, row);
        let (file, source) = opened.map_err(|unopened| match unopened {
            Unopened::Away => Stop::BadFile,
            Unopened::Bad(why) => self.bad_file(row, &why),
        })?;
        self.searched.files += 1;
        let mut parts: Vec<_> = file.parts().iter().copied().enumerate().collect();
        if sink.is_newest_first() {
            parts.reverse();
        }
        for (nth, part) in parts {
            self.limits.check()?;
            if !sink.needs(part.first_micros, part.last_micros) {
                continue;
            }
            self.searched.events += u64::from(part.rows);
            let mut reader = file.part(&source, nth);
            let selection = reader
                .select(&asked.plan, asked.range, None)
                .map_err(|error| self.bad_file(row, &error.to_string()))?;
            if !selection.is_empty() {
                let part = PartRows {
                    row,
                    reader,
                    selection,
                    domain: asked.domains.number(row.domain),
                    has_finer_times: file.has_finer_times(),
                };
                sink.rows(self, part)?;
            }
        }
        Ok(())
    }

    /// Leaves a file of the index out from now on, unless others have taken its place meanwhile.
    pub(super) fn bad_file(&self, row: &IndexFileRow, why: &str) -> Stop {
        let core = &self.asked.core;
        match self.blocks.has_index_file(&row.path) {
            Ok(true) => {
                core.index_cache.note_bad(&row.path, why);
                core.counters.index_failures.add(1);
                Stop::BadFile
            }
            Ok(false) => Stop::Moved(StoreError::NotFound {
                what: row.path.clone(),
            }),
            Err(error) => error.into(),
        }
    }

    /// Looks at the lines of rows, and hands those that match to the sink.
    pub(super) fn decide(
        &mut self,
        rows: &mut Vec<Row>,
        file: &IndexFileRow,
        sink: &mut impl Sink,
    ) -> Result<(), Stop> {
        let domain = self.asked.domains.number(file.domain);
        // Each block is inflated once.
        rows.sort_unstable_by_key(|row| (row.segment, row.index));
        self.blocks.locate(rows.iter().map(|row| row.segment))?;
        for row in rows.drain(..) {
            self.limits.check()?;
            let at = Line {
                segment: row.segment,
                index: row.index,
                block: row.block_offset,
                block_bytes: row.block_bytes,
                line: row.line,
            };
            let before = self.blocks.read_bytes;
            let Some((text, range)) = self.blocks.line(&at)? else {
                return Err(self.bad_file(file, "it names a line that is not there"));
            };
            self.searched.bytes_scanned += self.blocks.read_bytes - before;
            let line = &text[range];
            let start = || i64::from(file.day.number()) * DAY_MICROS;
            if let Some(time) = self.matches(line, start) {
                sink.event(Event {
                    time,
                    domain,
                    at: At::Sealed(at),
                    line,
                })?;
            }
        }
        Ok(())
    }
}
