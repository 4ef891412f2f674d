//! Input whose items are lines of text, or several lines each.

use std::collections::VecDeque;
use std::ops::Range;

use atrail_model::limits::EVENT_MAX_BYTES;

use super::lines::trimmed;
use super::values::too_large_at;
use super::{Splitter, Step};
use crate::Format;
use crate::csv::{Ended, RecordEnd};
use crate::formats::{Items, Lines, Part, Role};

/// The most items with several lines that are open at once.
const OPEN_MAX: usize = 64;
/// An item is complete when another one is this much later: the kernel writes the lines of one at once.
const OPEN_MAX_MILLIS: u64 = 2000;

/// What is read of the items at this position.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenItems {
    /// The search for the end of the record that begins here.
    record: Option<RecordEnd>,
    /// The line of an item that is too large; the engine drops its bytes up to its end.
    too_large: Option<u64>,
    parts: Parts,
}

impl OpenItems {
    pub(super) fn move_back(&mut self, count: usize) {
        if let Some(record) = &mut self.record {
            record.move_back(count);
        }
    }
}

impl Splitter {
    /// Continues to the next item of a format of lines.
    pub(super) fn step_items(
        &mut self,
        format: &'static Format,
        lines: Lines,
        window: &[u8],
        last: bool,
    ) -> Step {
        loop {
            if let Some(Joined { text, line }) = self.items.parts.ready.pop_front() {
                return Step::Joined { text, line, format };
            }
            let end = self.line_end(window, last);
            if let Some(line) = self.items.too_large {
                self.pos = window.len();
                let Some(end) = end else {
                    return Step::NeedMore;
                };
                self.items.too_large = None;
                self.leave_line(end, window);
                return too_large_at(line);
            }
            if self.pos >= window.len() {
                if !last {
                    return Step::NeedMore;
                }
                if !self.items.parts.end_oldest() {
                    return Step::End;
                }
                continue;
            }
            let is_long = window.len() - self.pos > EVENT_MAX_BYTES;
            let text = match end {
                Some(end) => trimmed(window, self.pos..end),
                None if is_long => self.pos..window.len(),
                None => return Step::NeedMore,
            };
            if text.len() > EVENT_MAX_BYTES {
                self.items.too_large = Some(self.place.line(window, text.start));
                continue;
            }
            let end = end.unwrap_or(text.end);
            if text.is_empty() {
                self.leave_line(end, window);
                continue;
            }
            let (text, end) = match lines.items {
                Items::Single => (text, end),
                Items::Records => match self.record(text.start, window, last) {
                    Record::Ends(end) => (trimmed(window, text.start..end), end),
                    Record::NeedsMore => return Step::NeedMore,
                    Record::IsNone => (text, end),
                },
                Items::Parts(read) => match read(&window[text.clone()]) {
                    Some(part) => {
                        let line = self.place.line(window, text.start);
                        self.items.parts.add(part, &window[text], line);
                        self.leave_line(end, window);
                        continue;
                    }
                    None => (text, end),
                },
            };
            return self.take_item(format, text, end, window);
        }
    }

    fn take_item(
        &mut self,
        format: &'static Format,
        range: Range<usize>,
        end: usize,
        window: &[u8],
    ) -> Step {
        let line = self.place.line(window, range.start);
        self.leave_line(end, window);
        Step::Candidate {
            range,
            line,
            format,
        }
    }

    /// Searches the end of the record that begins here. One that is longer than an event is none, so that a quote that
    /// is missing costs no more than its line.
    fn record(&mut self, start: usize, window: &[u8], last: bool) -> Record {
        let mut search = (self.items.record.take()).unwrap_or_else(|| RecordEnd::from(start));
        match search.run(window, last) {
            Ended::At(end) if end - start <= EVENT_MAX_BYTES => Record::Ends(end),
            Ended::More if window.len() - start <= EVENT_MAX_BYTES => {
                self.items.record = Some(search);
                Record::NeedsMore
            }
            Ended::At(_) | Ended::More | Ended::Broken => Record::IsNone,
        }
    }
}

enum Record {
    Ends(usize),
    NeedsMore,
    /// Its first line is an item, which is refused.
    IsNone,
}

/// Items whose lines are not all read.
#[derive(Debug, Clone, Default)]
struct Parts {
    open: VecDeque<Open>,
    open_bytes: usize,
    ready: VecDeque<Joined>,
}

#[derive(Debug, Clone)]
struct Open {
    key: [Vec<u8>; 2],
    millis: u64,
    item: Joined,
}

#[derive(Debug, Clone)]
struct Joined {
    text: Vec<u8>,
    /// The line that it begins on.
    line: u64,
}

impl Parts {
    fn add(&mut self, part: Part<'_>, text: &[u8], line: u64) {
        let is_over = |open: &Open| part.millis.saturating_sub(open.millis) >= OPEN_MAX_MILLIS;
        while let Some(at) = self.open.iter().position(is_over) {
            self.end(at);
        }
        let mut open = self.open.iter();
        let known = open.position(|open| open.key == part.key);
        match (part.role, known) {
            (Role::End, None) => {}
            (Role::End, Some(at)) => self.end(at),
            (Role::Whole, _) => self.ready.push_back(Joined {
                text: text.to_vec(),
                line,
            }),
            (Role::Member | Role::Last, known) => {
                let at = match known {
                    Some(at) if self.open[at].item.text.len() + text.len() < EVENT_MAX_BYTES => {
                        let joined = &mut self.open[at].item.text;
                        joined.push(b'\n');
                        joined.extend_from_slice(text);
                        self.open_bytes += 1 + text.len();
                        at
                    }
                    known => {
                        if let Some(at) = known {
                            self.end(at);
                        }
                        self.open_bytes += text.len();
                        self.open.push_back(Open {
                            key: part.key.map(<[u8]>::to_vec),
                            millis: part.millis,
                            item: Joined {
                                text: text.to_vec(),
                                line,
                            },
                        });
                        self.open.len() - 1
                    }
                };
                if part.role == Role::Last {
                    self.end(at);
                }
                while self.open.len() > OPEN_MAX || self.open_bytes > EVENT_MAX_BYTES {
                    self.end(0);
                }
            }
        }
    }

    fn end(&mut self, at: usize) {
        if let Some(open) = self.open.remove(at) {
            self.open_bytes -= open.item.text.len();
            self.ready.push_back(open.item);
        }
    }

    /// Ends the item that began first. Returns whether there was one.
    fn end_oldest(&mut self) -> bool {
        let is_there = !self.open.is_empty();
        self.end(0);
        is_there
    }
}
