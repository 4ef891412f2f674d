//! The engine: reads the input once, through a window, and finds the events.
//!
//! `lines` splits the input into lines when each line stands alone, and `items` finds those of formats of lines. `values` reads values, within a line or in the
//! whole input, and `list` the elements of lists. `recover` continues after a break, at the next line that begins a
//! value, and `passed` counts the values that the engine skips. Offsets are relative to the window;
//! [`Splitter::release`] adjusts them when the window's front is dropped.

mod ahead;
mod frame;
mod items;
mod lines;
mod list;
mod passed;
mod recover;
mod rereads;
mod values;

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::inspector::Inspector;
use crate::place::Place;
use crate::scan::Scan;
use crate::{Format, Framing, Refusal, SourceKind, Table};
use atrail_model::limits::EVENT_MAX_BYTES;
use frame::{Ends, Frame};
use recover::Seek;
use rereads::Rereads;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The result of one step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A possible event.
    Candidate {
        /// The position of its text in the window.
        range: Range<usize>,
        /// The line that it begins on.
        line: u64,
        /// The format that it is an item of.
        format: &'static Format,
    },
    /// A possible event whose lines did not follow each other.
    Joined {
        /// Its lines.
        text: Vec<u8>,
        /// The line that it begins on.
        line: u64,
        /// The format that it is an item of.
        format: &'static Format,
    },
    /// An item that the engine refuses.
    Refusal(Refusal),
    /// The engine needs more input than the window contains.
    NeedMore,
    /// The input is complete.
    End,
}

/// The engine's position in the input. Until `release`, the window must always begin at the same byte.
#[derive(Debug, Clone)]
pub(crate) struct Splitter {
    inspector: Inspector,
    place: Place,
    mode: Mode,
    /// Whether the engine has read the very beginning.
    started: bool,
    /// The next byte to read.
    pos: usize,
    /// The open lists, outermost first.
    frames: Vec<Frame>,
    /// The value whose end the engine searches.
    value: Option<Value>,
    /// After a break: the search for a place to continue.
    seek: Option<Seek>,
    /// The input that the engine reads again after breaks.
    rereads: Rereads,
    /// A fault before the next value; the engine refuses that value for it.
    blame: Option<Refusal>,
    /// Number of values outside of any list, in this line or input.
    base_values: u64,
    /// Number of bytes before the last of them on its line.
    base_column: usize,
    /// Whether the engine has reported a comma between such values; it reports only the first.
    forgives_commas: bool,
    line: lines::Line,
    items: items::OpenItems,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The first value has not ended; it begins on this line.
    Sniffing {
        first_line: Option<u64>,
    },
    Lines,
    Values,
}

/// A value whose end the engine searches.
#[derive(Debug, Clone)]
struct Value {
    start: usize,
    line: u64,
    /// Whether only blanks precede it on its line.
    begins_line: bool,
    /// Whether it is larger than an event, and its front has been dropped.
    is_large: bool,
    role: Role,
    scan: Scan,
    /// Its end, while the engine waits for the bytes after it.
    end: Option<usize>,
    /// A fault before it, for which the engine refuses it.
    blame: Option<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// An object outside of any list.
    Base,
    /// An element of a list of events.
    Element,
    /// The name of a member of an object around a list.
    Name,
    /// Not relevant.
    Skipped,
}

impl Splitter {
    /// Creates an engine with this table of formats.
    pub(crate) fn new(table: &'static Table, kind: SourceKind, framing: Framing) -> Self {
        Self {
            inspector: Inspector::new(table, kind),
            place: Place::new(),
            mode: match framing {
                Framing::Sniffed => Mode::Sniffing { first_line: None },
                Framing::Lines => Mode::Lines,
            },
            started: false,
            pos: 0,
            frames: Vec::new(),
            value: None,
            seek: None,
            rereads: Rereads::default(),
            blame: None,
            base_values: 0,
            base_column: 0,
            forgives_commas: false,
            line: lines::Line::default(),
            items: items::OpenItems::default(),
        }
    }

    /// Continues to the next event or refusal. `last` states that the input ends with the window.
    pub(crate) fn step(&mut self, window: &[u8], last: bool) -> Step {
        if !self.started {
            if !last && window.len() < BYTE_ORDER_MARK.len() {
                return Step::NeedMore;
            }
            let text = window.strip_prefix(BYTE_ORDER_MARK).unwrap_or(window);
            if !self.inspector.look_at_head(text, last) {
                return Step::NeedMore;
            }
            self.started = true;
            self.pos = window.len() - text.len();
        }
        if let Some(format) = self.inspector.line()
            && let Some(lines) = format.lines
        {
            return self.step_items(format, lines, window, last);
        }
        loop {
            let step = match self.mode {
                Mode::Lines => self.step_lines(window, last),
                Mode::Sniffing { .. } | Mode::Values => self.step_values(window, last),
            };
            // The first value can end the sniffing in the middle of a step.
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Returns how many bytes at the window's front are no longer needed; the caller drops exactly these.
    pub(crate) fn release(&mut self, window: &[u8]) -> usize {
        for frame in &mut self.frames {
            let is_far = |start: usize| self.pos - start > EVENT_MAX_BYTES;
            if frame.ends == Ends::Unknown && frame.fallback_start.is_some_and(is_far) {
                frame.fallback_start = None;
            }
        }
        let value_start = self.value.as_ref().map(|value| value.start);
        let frame_starts = self.frames.iter().filter_map(|frame| frame.fallback_start);
        let count = frame_starts.chain(value_start).fold(self.pos, usize::min);
        self.place.drop_front(window, count);
        self.pos -= count;
        if let Some(value) = &mut self.value {
            value.start -= count;
            value.scan.at -= count;
            value.end = value.end.map(|end| end - count);
        }
        self.rereads.move_back(count);
        for frame in &mut self.frames {
            frame.move_back(count);
        }
        self.line.move_back(count);
        self.items.move_back(count);
        count
    }
}
