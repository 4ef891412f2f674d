//! Consecutive values.
//!
//! The engine examines a value up to the size of the largest event as a whole, once it knows the value's end. A larger
//! value can only be a list, whose elements the engine reads one by one as they arrive. So a list may have any size,
//! and memory stays bounded.

use std::ops::Range;

use atrail_model::limits::EVENT_MAX_BYTES;

use super::frame::{Ends, Frame, Kind};
use super::{Mode, Role, Splitter, Step, Value};
use crate::inspector::Shape;
use crate::scan::{Scan, Scanned};
use crate::{Reason, Refusal};

/// How deep the engine searches lists of events within lists. Every level may cost another read of the text.
const LISTS_MAX_DEPTH: usize = 6;
/// How many blanks after the first value the engine reads at most to see what follows it on its line.
const LOOKAHEAD_MAX_BYTES: usize = 4096;

const EVENT_OR_LIST: &str = "an event or a list of events";

impl Splitter {
    /// Continues to the next event or refusal; `None` when every further line stands alone.
    pub(super) fn step_values(&mut self, window: &[u8], last: bool) -> Option<Step> {
        loop {
            // Within a list whose end is known, the engine reads nothing beyond that end.
            let bound = self.frames.iter().rev().find_map(Frame::bound);
            let visible = &window[..bound.unwrap_or(window.len())];
            let last = last || bound.is_some();
            let step = if let Some(seek) = self.seek.take() {
                self.seek_on(seek, visible, last)
            } else if let Some(value) = self.value.take() {
                match self.look_for_end(value, visible, last) {
                    Base::Step(step) => step,
                    Base::LinesFromHere => return None,
                }
            } else if self.frames.is_empty() {
                match self.at_base(visible, last) {
                    Base::Step(step) => step,
                    Base::LinesFromHere => return None,
                }
            } else {
                self.in_list(visible, last)
            };
            if step.is_some() {
                return step;
            }
        }
    }

    /// Reads the next token outside of lists.
    fn at_base(&mut self, window: &[u8], last: bool) -> Base {
        if let Mode::Sniffing {
            first_line: Some(first_line),
        } = self.mode
        {
            self.skip(window, |byte| matches!(byte, b' ' | b'\t' | b'\r'));
            let next = window.get(self.pos);
            if next.is_none() && !last {
                return Base::Step(Some(Step::NeedMore));
            }
            let is_first_line = self.place.line(window, self.pos) == first_line;
            self.mode = match next {
                None | Some(b'\n') if is_first_line => {
                    self.mode = Mode::Lines;
                    return Base::LinesFromHere;
                }
                None | Some(b'{' | b'[' | b'\n') => Mode::Values,
                // A fault in the first line says nothing about the others.
                Some(_) if is_first_line => Mode::Sniffing { first_line: None },
                Some(_) => Mode::Values,
            };
        }
        self.skip(window, is_whitespace);
        let Some(&first) = window.get(self.pos) else {
            let end = if last { Step::End } else { Step::NeedMore };
            let blame = self.blame.take_if(|_| last);
            return Base::Step(Some(blame.map_or(end, Step::Refusal)));
        };
        if !matches!(first, b'{' | b'[' | b',') && self.must_look_ahead(window, last) {
            return Base::Step(Some(Step::NeedMore));
        }
        let in_line = self.mode == Mode::Lines;
        if in_line && self.base_values > 0 && !matches!(first, b'{' | b'[') {
            return Base::Step(self.break_at_base(window, "the end of the line"));
        }
        // The engine reads a list even after a fault.
        if first != b'{'
            && let Some(blame) = self.blame.take()
        {
            return Base::Step(Some(Step::Refusal(blame)));
        }
        Base::Step(match first {
            b'{' => {
                self.begin_base(window);
                self.begin(window, first, Role::Base);
                None
            }
            b'[' => {
                let line = self.begin_base(window);
                let frame = Frame::new(Kind::Array, line, Ends::Unknown);
                self.frames.push(frame);
                self.pos += 1;
                None
            }
            b',' if self.base_values > 0 && !in_line => {
                if !self.forgives_commas {
                    self.forgives_commas = true;
                    self.blame = Some(self.refusal(window, self.pos, EVENT_OR_LIST));
                }
                self.pos += 1;
                None
            }
            _ => self.break_at_base(window, EVENT_OR_LIST),
        })
    }

    /// Notes the beginning of a value outside of lists, and returns its line.
    fn begin_base(&mut self, window: &[u8]) -> u64 {
        let (line, column) = self.place.line_and_column(window, self.pos);
        if let Mode::Sniffing { first_line } = &mut self.mode {
            *first_line = Some(line);
        }
        self.base_values += 1;
        self.base_column = column as usize - 1;
        line
    }

    pub(super) fn begin(&mut self, window: &[u8], first: u8, role: Role) {
        let (line, column) = self.place.line_and_column(window, self.pos);
        self.value = Some(Value {
            start: self.pos,
            line,
            begins_line: self.place.indent(window, self.pos).is_some(),
            is_large: false,
            role,
            scan: Scan::new(self.pos, first, column as usize - 1),
            end: None,
            blame: self.blame.take(),
        });
    }

    /// Searches the value's end in the visible input, up to the largest size of an event where that matters.
    fn look_for_end(&mut self, mut value: Value, window: &[u8], last: bool) -> Base {
        let limit = match value.role {
            Role::Skipped => window.len(),
            _ => window.len().min(value.start + EVENT_MAX_BYTES),
        };
        let scanned = match value.end {
            Some(end) => Scanned::End(end),
            None => value.scan.run(&window[..limit]),
        };
        let step = match scanned {
            Scanned::End(end) => match self.followed(&value, end, window, last) {
                Followed::Unknown => {
                    value.end = Some(end);
                    self.value = Some(value);
                    Some(Step::NeedMore)
                }
                Followed::ByJunk => {
                    self.mode = Mode::Lines;
                    self.pos = value.start;
                    return Base::LinesFromHere;
                }
                Followed::Well => self.take_value(value, end, window),
            },
            Scanned::Broken(at) => self.broken_value(value, at, "the end of a string", window),
            Scanned::CutOff(at) => self.broken_value(value, at, "the rest of this value", window),
            Scanned::More if limit < window.len() => self.too_large(value, window),
            Scanned::More if last => {
                self.broken_value(value, window.len(), "the rest of this value", window)
            }
            Scanned::More => {
                if value.role == Role::Skipped && value.scan.at - value.start > EVENT_MAX_BYTES {
                    value.is_large = true;
                    self.pos = value.scan.at;
                    value.start = value.scan.at;
                }
                self.value = Some(value);
                Some(Step::NeedMore)
            }
        };
        Base::Step(step)
    }

    /// Returns what follows the input's first value on its line, if all of the value is on one line. A line that
    /// contains more than values is refused whole, as any later line would be.
    fn followed(&self, value: &Value, end: usize, window: &[u8], last: bool) -> Followed {
        let Mode::Sniffing {
            first_line: Some(_),
        } = self.mode
        else {
            return Followed::Well;
        };
        if value.role != Role::Base || memchr::memchr(b'\n', &window[value.start..end]).is_some() {
            return Followed::Well;
        }
        let next = |from: usize| {
            let rest = window.get(from..).unwrap_or_default();
            let blanks = rest
                .iter()
                .position(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
            from + blanks.unwrap_or(rest.len())
        };
        let mut at = next(end);
        // Values with commas between them are read too.
        if window.get(at) == Some(&b',') {
            at = next(at + 1);
            if !matches!(window.get(at), None | Some(b'{' | b'[')) {
                return Followed::ByJunk;
            }
        }
        match window.get(at) {
            _ if at - end > LOOKAHEAD_MAX_BYTES => Followed::Well,
            None if !last => Followed::Unknown,
            None if at > end && window[end..at].contains(&b',') => Followed::ByJunk,
            None | Some(b'\n' | b'{' | b'[') => Followed::Well,
            Some(_) => Followed::ByJunk,
        }
    }

    fn take_value(&mut self, value: Value, end: usize, window: &[u8]) -> Option<Step> {
        self.pos = end;
        match value.role {
            Role::Skipped => self.pass(&value, end, window),
            Role::Name => {
                if let Some(frame) = self.frames.last_mut() {
                    let name = &window[value.start..end];
                    frame.at_events = self.inspector.names_events(name);
                    frame.is_event |= self.inspector.names_event(name);
                }
                None
            }
            Role::Base | Role::Element => match value.blame {
                Some(mut blame) => {
                    // The engine reads a list even after a fault.
                    let step = self.take_whole(value.start..end, value.line, window);
                    if let Some(Step::Refusal(lost)) = step {
                        blame.not_read += lost.not_read;
                    }
                    Some(Step::Refusal(blame))
                }
                None => self.take_whole(value.start..end, value.line, window),
            },
        }
    }

    /// Handles a complete value: an event, an envelope around one, or a list to enter.
    fn take_whole(&mut self, range: Range<usize>, line: u64, window: &[u8]) -> Option<Step> {
        let may_enter = self.frames.len() < LISTS_MAX_DEPTH;
        let ends = Ends::At(range.end);
        let (range, line, format) = match window[range.start] {
            b'[' if may_enter => {
                self.pos = range.start + 1;
                self.frames.push(Frame::new(Kind::Array, line, ends));
                return None;
            }
            b'{' => match self.inspector.shape(&window[range.clone()]) {
                Shape::List if may_enter => {
                    self.pos = range.start + 1;
                    let frame = Frame::new(Kind::Object, line, ends);
                    self.frames.push(frame.with_fallback(range.start, 0));
                    return None;
                }
                Shape::List => (range, line, self.inspector.other()),
                Shape::Event(format) => (range, line, format),
                Shape::Envelope(format, event) => {
                    let event = range.start + event.start..range.start + event.end;
                    let line = self.place.line(window, event.start);
                    (event, line, format)
                }
            },
            _ => (range, line, self.inspector.other()),
        };
        Some(match self.lost_inside(range.clone(), window) {
            Some(refusal) => Step::Refusal(refusal),
            None => Step::Candidate {
                range,
                line,
                format,
            },
        })
    }

    /// Handles a value larger than any event. Outside of lists, it can only be a list, or a value that was cut off; in
    /// a list, it is skipped unless it was cut off.
    fn too_large(&mut self, mut value: Value, window: &[u8]) -> Option<Step> {
        let line = value.line;
        let limit = value.start + EVENT_MAX_BYTES;
        let is_list =
            value.role == Role::Base && self.inspector.may_be_list(&window[value.start..limit]);
        if !is_list && let Some(next) = self.next_value(&value, limit - 1, window) {
            return Some(self.refuse_up_to(value, next, window));
        }
        match value.role {
            Role::Base => {
                self.pos = value.start + 1;
                self.frames
                    .push(Frame::new(Kind::Object, line, Ends::Unknown));
                value.blame.map(Step::Refusal)
            }
            Role::Element => {
                let blame = value.blame.take();
                value.role = Role::Skipped;
                self.value = Some(value);
                Some(blame.map_or_else(|| too_large_at(line), Step::Refusal))
            }
            Role::Name | Role::Skipped => {
                self.break_off(window, value.start, "a member's name of reasonable length")
            }
        }
    }

    pub(super) fn skip(&mut self, window: &[u8], may_skip: fn(u8) -> bool) {
        let rest = window.get(self.pos..).unwrap_or_default();
        let run = rest.iter().position(|byte| !may_skip(*byte));
        self.pos += run.unwrap_or(rest.len());
    }
}

/// The result of a step outside of lists.
enum Base {
    Step(Option<Step>),
    LinesFromHere,
}

/// What follows the first value.
enum Followed {
    Well,
    ByJunk,
    Unknown,
}

pub(super) const fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

pub(super) const fn too_large_at(line: u64) -> Step {
    Step::Refusal(Refusal {
        line,
        reason: Reason::TooLarge,
        not_read: 0,
    })
}
