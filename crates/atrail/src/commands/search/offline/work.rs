//! Takes in the events of all files, one after the other.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;

use atrail_evidence::{Hash, SegmentLines};
use atrail_model::{Domain, Timestamp, event};
use atrail_search::aggregate::Collector;
use atrail_search::{Matcher, Order};

use super::events::Reader;
use super::sortable::Key;
use super::sorter::Sorter;
use super::{Answer, Found, Standing, Wanted};
use crate::error::{CliError, Result};

/// Memory for the different values that are counted, in bytes.
const COUNTS_BYTES: usize = 256 << 20;

/// What is asked.
#[derive(Debug)]
pub(in crate::commands::search) struct Question {
    /// The query.
    pub(in crate::commands::search) matcher: Matcher,
    /// The first instant, if there is one.
    pub(in crate::commands::search) from: Option<Timestamp>,
    /// The first instant that is outside, if there is one.
    pub(in crate::commands::search) to: Option<Timestamp>,
}

/// What is no event, and was not searched.
#[derive(Debug, Default)]
pub(in crate::commands::search) struct Refused {
    /// How often.
    pub(in crate::commands::search) count: u64,
    /// The first place: number of the file, line, reason.
    pub(in crate::commands::search) first: Option<(usize, u64, String)>,
}

/// The state of a search.
pub(super) struct Work {
    question: Question,
    sink: Sink,
    /// The number of the file, from 0; before the first file there is none.
    file: Option<u32>,
    /// The number of the next event in the file.
    number: u64,
    /// Whose the next lines of the file are.
    expected: VecDeque<Stretch>,
    /// The segments of the proven files so far, with their roots.
    known: HashSet<(String, Hash)>,
    matched: u64,
    events: u64,
    bytes: u64,
    refused: Refused,
}

/// Consecutive lines of one segment.
struct Stretch {
    domain: Option<Domain>,
    /// How many lines are left.
    lines: u64,
    /// Whether an earlier file already had them.
    is_known: bool,
}

enum Sink {
    Hits(Order, Sorter),
    Counts(Box<Collector>),
}

impl Work {
    pub(super) fn new(question: Question, wanted: Wanted, temp_dir: PathBuf) -> Self {
        let sink = match wanted {
            Wanted::Hits(order, limit) => Sink::Hits(order, Sorter::new(temp_dir, limit)),
            Wanted::Counts(counting) => {
                Sink::Counts(Box::new(Collector::new(counting, COUNTS_BYTES)))
            }
        };
        Self {
            question,
            sink,
            file: None,
            number: 0,
            expected: VecDeque::new(),
            known: HashSet::new(),
            matched: 0,
            events: 0,
            bytes: 0,
            refused: Refused::default(),
        }
    }

    /// Goes on with the next file.
    pub(super) fn begin_file(&mut self) {
        self.file = Some(self.file.map_or(0, |file| file + 1));
        self.number = 0;
        self.expected.clear();
    }

    /// States whose the lines of this file are.
    pub(super) fn expect(&mut self, lines: &[SegmentLines]) {
        let stretches = lines.iter().map(|lines| Stretch {
            domain: lines.domain.parse().ok(),
            lines: lines.events,
            is_known: self.known.contains(&identity(lines)),
        });
        self.expected = stretches.collect();
    }

    /// Skips these lines in the files that follow: this file had them, and is proven.
    pub(super) fn remember(&mut self, lines: &[SegmentLines]) {
        self.known.extend(lines.iter().map(identity));
    }

    pub(super) fn finish(self, files: Vec<(PathBuf, Standing)>) -> Result<Answer> {
        let found = match self.sink {
            Sink::Hits(_, sorter) => Found::Hits(sorter.finish().map_err(temporary)?),
            Sink::Counts(collector) => Found::Counts(collector.finish()),
        };
        Ok(Answer {
            matched: self.matched,
            found,
            events: self.events,
            bytes: self.bytes,
            files,
            refused: self.refused,
        })
    }

    /// Returns the domain of the next line, and whether an earlier file had this line.
    fn next_line(&mut self) -> (Option<Domain>, bool) {
        while let Some(stretch) = self.expected.front_mut() {
            if stretch.lines == 0 {
                self.expected.pop_front();
                continue;
            }
            stretch.lines -= 1;
            return (stretch.domain, stretch.is_known);
        }
        (None, false)
    }
}

impl Reader for Work {
    fn event(&mut self, line: &[u8]) -> Result<()> {
        let (domain, is_known) = self.next_line();
        let number = self.number;
        self.number += 1;
        if is_known {
            return Ok(());
        }
        self.events += 1;
        self.bytes += line.len() as u64;
        if !self.question.matcher.matches(line) {
            return Ok(());
        }
        let Some(time) = event::time_of(line) else {
            self.refuse(number + 1, "no eventTime that can be read");
            return Ok(());
        };
        let Question { from, to, .. } = self.question;
        if from.is_some_and(|from| time < from) || to.is_some_and(|to| time >= to) {
            return Ok(());
        }
        self.matched += 1;
        match &mut self.sink {
            Sink::Hits(order, sorter) => {
                let nanoseconds = time.as_nanosecond();
                let key = Key {
                    time: match order {
                        Order::Newest => -nanoseconds,
                        Order::Oldest => nanoseconds,
                    },
                    domain,
                    file: self.file.unwrap_or(0),
                    number,
                };
                sorter.push(key, line).map_err(temporary)
            }
            Sink::Counts(collector) => collector
                .add(time, line)
                .map_err(|error| CliError::failed("the values cannot be counted").because(error)),
        }
    }

    fn refuse(&mut self, line: u64, reason: &str) {
        let file = self.file.unwrap_or(0) as usize;
        self.refused.count += 1;
        self.refused
            .first
            .get_or_insert_with(|| (file, line, reason.to_owned()));
    }
}

fn identity(lines: &SegmentLines) -> (String, Hash) {
    (lines.segment.clone(), lines.root)
}

fn temporary(error: std::io::Error) -> CliError {
    CliError::failed("hits that do not fit into memory could not be sorted")
        .because(error)
        .hint("TMPDIR names another place for temporary files; a limit or fewer days need less")
}
