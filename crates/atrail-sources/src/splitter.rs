//! The engine: goes once through the input, seen through a window, and says where the events are.
//!
//! `lines` cuts the input into lines where each stands alone; `values` reads values, in a line or in all of the input, and
//! `list` the elements of lists; `recover` goes on after a break, at the next line that begins a value,
//! and `passed` counts what is passed over.
//! Offsets are relative to the window; [`Splitter::release`] moves them when its front is dropped.

mod ahead;
mod frame;
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
use crate::{FORMATS, Format, Framing, Refusal, SourceKind};
use atrail_model::limits::EVENT_MAX_BYTES;
use frame::{Ends, Frame};
use recover::Seek;
use rereads::Rereads;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What one step came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// What may be an event.
    Candidate {
        /// Where its text lies in the window.
        range: Range<usize>,
        /// The line it begins on.
        line: u64,
        /// What it is an item of.
        format: &'static Format,
    },
    /// Something that is not handed on.
    Refusal(Refusal),
    /// The window is used up.
    NeedMore,
    /// The input is used up.
    End,
}

/// Where in the input the engine is. The window handed to it always begins at the same byte, until `release`.
#[derive(Debug)]
pub(crate) struct Splitter {
    inspector: Inspector,
    place: Place,
    mode: Mode,
    /// Whether the very beginning was looked at.
    started: bool,
    /// The next byte to look at.
    pos: usize,
    /// The lists that are open, outermost first.
    frames: Vec<Frame>,
    /// The value whose end is being looked for.
    value: Option<Value>,
    /// After a break: where reading goes on is being looked for.
    seek: Option<Seek>,
    /// What was looked at again after a break.
    rereads: Rereads,
    /// What is wrong with the way to the next value, which is refused for it.
    blame: Option<Refusal>,
    /// How many values stood outside of any list, in this line or input.
    base_values: u64,
    /// How many bytes stood before the last of them on its line.
    base_column: usize,
    /// A comma between such values was reported; more of them are no news.
    forgives_commas: bool,
    line: lines::Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The first value has not ended yet; it begins on this line.
    Sniffing {
        first_line: Option<u64>,
    },
    Lines,
    Values,
}

/// A value whose end is being looked for.
#[derive(Debug)]
struct Value {
    start: usize,
    line: u64,
    /// Whether nothing stands before it on that line.
    begins_line: bool,
    /// Whether it is larger than an event, and its front was let go.
    is_large: bool,
    role: Role,
    scan: Scan,
    /// Where it ends, while what follows it is waited for.
    end: Option<usize>,
    /// What it is refused for, whatever it is.
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
    /// Of no interest.
    Skipped,
}

impl Splitter {
    pub(crate) fn new(kind: SourceKind, framing: Framing) -> Self {
        Self::by(FORMATS, kind, framing)
    }

    /// By another table of formats than the one that there is.
    pub(crate) fn by(table: &'static [Format], kind: SourceKind, framing: Framing) -> Self {
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
        }
    }

    /// Goes on to the next event or refusal. `last` says that nothing comes after the window.
    pub(crate) fn step(&mut self, window: &[u8], last: bool) -> Step {
        if !self.started {
            if !last && window.len() < BYTE_ORDER_MARK.len() {
                return Step::NeedMore;
            }
            let text = window.strip_prefix(BYTE_ORDER_MARK).unwrap_or(window);
            if !self.inspector.look_at_head(text, last) {
                return Step::NeedMore;
            }
            if self.inspector.line().is_some() {
                self.mode = Mode::Lines;
            }
            self.started = true;
            self.pos = window.len() - text.len();
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

    /// How many bytes at the window's front are needed no more; the caller drops exactly these.
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
        count
    }
}
