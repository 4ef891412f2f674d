//! The engine: goes once through the input, seen through a window, and says where the events are.
//!
//! `lines` cuts the input into lines where each stands alone; `values` reads values, in a line or in all of the input.
//! Offsets are relative to the window; [`Splitter::release`] moves them when its front is dropped.

mod frame;
mod lines;
mod values;

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::envelope::Inspector;
use crate::place::Place;
use crate::scan::Scan;
use crate::{Format, Framing, Refusal, SourceKind};
use frame::Frame;

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
        /// What it was taken for.
        format: Format,
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
    /// The rest of the line, or of the input, cannot be read.
    lost: bool,
    /// How many values stood outside of any list, in this line or input.
    base_values: u64,
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
    role: Role,
    scan: Scan,
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
        Self {
            inspector: Inspector::new(kind),
            place: Place::new(),
            mode: match framing {
                Framing::Sniffed => Mode::Sniffing { first_line: None },
                Framing::Lines => Mode::Lines,
            },
            started: false,
            pos: 0,
            frames: Vec::new(),
            value: None,
            lost: false,
            base_values: 0,
            line: lines::Line::default(),
        }
    }

    /// Goes on to the next event or refusal. `last` says that nothing comes after the window.
    pub(crate) fn step(&mut self, window: &[u8], last: bool) -> Step {
        if !self.started {
            if !last && window.len() < BYTE_ORDER_MARK.len() {
                return Step::NeedMore;
            }
            self.started = true;
            if window.starts_with(BYTE_ORDER_MARK) {
                self.pos = BYTE_ORDER_MARK.len();
            }
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
        let value_start = self.value.as_ref().map(|value| value.start);
        let frame_starts = self.frames.iter().filter_map(|frame| frame.fallback_start);
        let count = frame_starts.chain(value_start).fold(self.pos, usize::min);
        self.place.drop_front(window, count);
        self.pos -= count;
        if let Some(value) = &mut self.value {
            value.start -= count;
            value.scan.at -= count;
        }
        for frame in &mut self.frames {
            frame.move_back(count);
        }
        self.line.move_back(count);
        count
    }
}
