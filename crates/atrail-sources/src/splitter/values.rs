//! Values one after the other, and the elements of lists.
//!
//! A value of at most the largest event's size is looked at as a whole once its end is known. A larger one can only be a
//! list: its elements are taken one by one as they come. So a list may be of any size, and memory stays bounded.

use std::ops::Range;

use atrail_model::event::hint;
use atrail_model::limits::EVENT_MAX_BYTES;

use super::frame::{Ends, Expect, Frame, Kind};
use super::{Mode, Role, Splitter, Step, Value};
use crate::envelope::{EVENTS_NAME, Shape};
use crate::scan::{Scan, Scanned};
use crate::{Format, Reason, Refusal};

/// How deep lists of events are looked for inside each other. Every level may cost one more look at the text.
const LISTS_MAX_DEPTH: usize = 6;

impl Splitter {
    /// Goes on to the next event or refusal; `None` when from here on every line stands alone.
    pub(super) fn step_values(&mut self, window: &[u8], last: bool) -> Option<Step> {
        loop {
            if self.lost {
                self.pos = window.len();
                return Some(if last { Step::End } else { Step::NeedMore });
            }
            // Inside a list whose end is known nothing beyond that end is looked at.
            let bound = self
                .frames
                .iter()
                .rev()
                .find_map(|frame| frame.bound(window));
            let visible = &window[..bound.unwrap_or(window.len())];
            let last = last || bound.is_some();
            let step = match self.value.take() {
                Some(value) => self.look_for_end(value, visible, last),
                None if self.frames.is_empty() => match self.at_base(visible, last) {
                    Base::Step(step) => step,
                    Base::LinesFromHere => return None,
                },
                None => self.in_list(visible, last),
            };
            if step.is_some() {
                return step;
            }
        }
    }

    /// Between values that are in no list.
    fn at_base(&mut self, window: &[u8], last: bool) -> Base {
        if let Mode::Sniffing {
            first_line: Some(first_line),
        } = self.mode
        {
            self.skip(window, |byte| matches!(byte, b' ' | b'\t' | b'\r'));
            match window.get(self.pos) {
                None if !last => return Base::Step(Some(Step::NeedMore)),
                None | Some(b'\n') if self.place.line(window, self.pos) == first_line => {
                    self.mode = Mode::Lines;
                    return Base::LinesFromHere;
                }
                _ => self.mode = Mode::Values,
            }
        }
        self.skip(window, is_whitespace);
        Base::Step(match window.get(self.pos) {
            None => Some(if last { Step::End } else { Step::NeedMore }),
            Some(_) if self.mode == Mode::Lines && self.base_values > 0 => {
                Some(self.break_off(window, self.pos, "the end of the line"))
            }
            Some(&first) => {
                let line = self.place.line(window, self.pos);
                if let Mode::Sniffing { first_line } = &mut self.mode {
                    *first_line = Some(line);
                }
                self.base_values += 1;
                match first {
                    b'{' => self.begin(window, first, Role::Base),
                    b'[' => {
                        self.frames
                            .push(Frame::new(Kind::Array, line, Ends::Unknown));
                        self.pos += 1;
                    }
                    _ => {
                        let step = self.break_off(window, self.pos, "an event or a list of events");
                        return Base::Step(Some(step));
                    }
                }
                None
            }
        })
    }

    /// Inside a list, between its tokens.
    fn in_list(&mut self, window: &[u8], last: bool) -> Option<Step> {
        self.skip(window, is_whitespace);
        let frame = self.frames.last_mut()?;
        let Some(&byte) = window.get(self.pos) else {
            return Some(if last {
                self.break_off(window, window.len(), self.frames.last()?.expected())
            } else {
                Step::NeedMore
            });
        };
        match (frame.kind, frame.expect, byte) {
            (_, Expect::FirstOrClose | Expect::CommaOrClose, _) if byte == frame.closing() => {
                return self.close(window);
            }
            (_, Expect::CommaOrClose, b',') => {
                frame.expect = Expect::Next;
                self.pos += 1;
            }
            (Kind::Array, Expect::FirstOrClose | Expect::Next, _) if begins_value(byte) => {
                frame.expect = Expect::CommaOrClose;
                self.begin(window, byte, Role::Element);
            }
            (Kind::Object, Expect::FirstOrClose | Expect::Next, b'"') => {
                frame.expect = Expect::Colon;
                self.begin(window, byte, Role::Name);
            }
            (Kind::Object, Expect::Colon, b':') => {
                frame.expect = Expect::MemberValue;
                self.pos += 1;
            }
            (Kind::Object, Expect::MemberValue, b'[') if frame.at_events => {
                frame.expect = Expect::CommaOrClose;
                frame.found = true;
                let line = self.place.line(window, self.pos);
                self.frames
                    .push(Frame::new(Kind::Array, line, Ends::Unknown));
                self.pos += 1;
            }
            (Kind::Object, Expect::MemberValue, _) if begins_value(byte) => {
                frame.expect = Expect::CommaOrClose;
                self.begin(window, byte, Role::Skipped);
            }
            _ => {
                let expected = frame.expected();
                return Some(self.break_off(window, self.pos, expected));
            }
        }
        None
    }

    fn begin(&mut self, window: &[u8], first: u8, role: Role) {
        self.value = Some(Value {
            start: self.pos,
            line: self.place.line(window, self.pos),
            role,
            scan: Scan::new(self.pos, first),
        });
    }

    /// Looks for the value's end in what is visible, up to the largest size where that matters.
    fn look_for_end(&mut self, mut value: Value, window: &[u8], last: bool) -> Option<Step> {
        let limit = match value.role {
            Role::Skipped => window.len(),
            _ => window.len().min(value.start + EVENT_MAX_BYTES),
        };
        match value.scan.run(&window[..limit]) {
            Scanned::End(end) => self.take_value(&value, end, window),
            Scanned::Broken(at) => self.broken_value(&value, at, "the end of a string", window),
            Scanned::More if limit < window.len() => self.too_large(value, window),
            Scanned::More if last => {
                self.broken_value(&value, window.len(), "the rest of this value", window)
            }
            Scanned::More => {
                if value.role == Role::Skipped {
                    self.pos = value.scan.at;
                    value.start = value.scan.at;
                }
                self.value = Some(value);
                Some(Step::NeedMore)
            }
        }
    }

    fn take_value(&mut self, value: &Value, end: usize, window: &[u8]) -> Option<Step> {
        self.pos = end;
        match value.role {
            Role::Skipped => None,
            Role::Name => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.at_events = &window[value.start..end] == EVENTS_NAME;
                }
                None
            }
            Role::Base | Role::Element => self.take_whole(value.start..end, value.line, window),
        }
    }

    /// Takes a value that is all there: an event, an envelope around one, or a list to be entered.
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
                    self.frames.push(frame.with_fallback(range.start));
                    return None;
                }
                Shape::List => (range, line, Format::Cadf),
                Shape::Event(format) => (range, line, format),
                Shape::Envelope(payload) => {
                    let payload = range.start + payload.start..range.start + payload.end;
                    let line = self.place.line(window, payload.start);
                    (payload, line, Format::Cadf)
                }
            },
            _ => (range, line, Format::Cadf),
        };
        Some(Step::Candidate {
            range,
            line,
            format,
        })
    }

    /// A value larger than any event: outside of lists it can only be a list itself, in a list it is passed over.
    fn too_large(&mut self, mut value: Value, window: &[u8]) -> Option<Step> {
        let line = value.line;
        match value.role {
            Role::Base => {
                self.pos = value.start + 1;
                self.frames
                    .push(Frame::new(Kind::Object, line, Ends::Unknown));
                None
            }
            Role::Element => {
                value.role = Role::Skipped;
                self.value = Some(value);
                Some(too_large_at(line))
            }
            Role::Name | Role::Skipped => {
                let at = value.start;
                Some(self.break_off(window, at, "a member's name of reasonable length"))
            }
        }
    }

    /// A value that breaks off at `at`: an object outside of lists is entered, for what came before the break stands.
    fn broken_value(
        &mut self,
        value: &Value,
        at: usize,
        expected: &'static str,
        window: &[u8],
    ) -> Option<Step> {
        if value.role != Role::Base {
            return Some(self.break_off(window, at, expected));
        }
        let frame = Frame::new(Kind::Object, value.line, Ends::Broken(at));
        self.frames.push(frame.with_fallback(value.start));
        self.pos = value.start + 1;
        None
    }

    /// The innermost list's closing bracket is next.
    fn close(&mut self, window: &[u8]) -> Option<Step> {
        let frame = self.frames.pop()?;
        self.pos += 1;
        let bound = frame.bound(window);
        let step = if frame.kind == Kind::Object && !frame.found {
            Some(match (frame.fallback_start, bound) {
                (Some(start), Some(end)) => whole(start..end, frame.line),
                _ => too_large_at(frame.line),
            })
        } else {
            let left = window
                .get(self.pos..bound.unwrap_or(self.pos))
                .unwrap_or_default();
            let stray = left.iter().position(|byte| !is_whitespace(*byte));
            stray.map(|stray| self.refusal(window, self.pos + stray, "the end of the line"))
        };
        self.leave(&frame, window);
        step
    }

    /// The text breaks here. What follows the innermost list whose end is known can still be read.
    fn break_off(&mut self, window: &[u8], at: usize, expected: &'static str) -> Step {
        while let Some(frame) = self.frames.pop() {
            let Some(end) = frame.bound(window) else {
                continue;
            };
            let step = match frame.fallback_start {
                Some(start) if !frame.found => whole(start..end, frame.line),
                _ => self.refusal(window, at, expected),
            };
            self.leave(&frame, window);
            return step;
        }
        let step = self.refusal(window, at, expected);
        self.pos = at;
        self.lose(window);
        step
    }

    /// Goes to the end of a list's text, when that is known.
    fn leave(&mut self, frame: &Frame, window: &[u8]) {
        match frame.ends {
            Ends::Unknown => {}
            Ends::At(end) => self.pos = end,
            Ends::Broken(at) => {
                self.pos = at;
                self.lose(window);
            }
        }
    }

    /// What follows cannot be read; but when the first line went wrong, the next lines may stand alone.
    fn lose(&mut self, window: &[u8]) {
        self.lost = true;
        if let Mode::Sniffing { first_line } = self.mode {
            let line = self.place.line(window, self.pos);
            self.mode = if first_line == Some(line) {
                Mode::Lines
            } else {
                Mode::Values
            };
            self.line.entered = true;
            self.line.searched = self.pos;
        }
    }

    fn refusal(&mut self, window: &[u8], at: usize, expected: &'static str) -> Step {
        let (line, column) = self.place.line_and_column(window, at);
        Step::Refusal(Refusal {
            line,
            reason: Reason::Broken {
                column,
                expected,
                found: describe(window.get(at..).unwrap_or_default()),
                hint: hint(window, at),
            },
        })
    }

    fn skip(&mut self, window: &[u8], may_skip: fn(u8) -> bool) {
        let rest = window.get(self.pos..).unwrap_or_default();
        let run = rest.iter().position(|byte| !may_skip(*byte));
        self.pos += run.unwrap_or(rest.len());
    }
}

/// What happens outside of lists.
enum Base {
    Step(Option<Step>),
    LinesFromHere,
}

pub(super) const fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

const fn begins_value(byte: u8) -> bool {
    matches!(
        byte,
        b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'
    )
}

const fn whole(range: Range<usize>, line: u64) -> Step {
    Step::Candidate {
        range,
        line,
        format: Format::Cadf,
    }
}

const fn too_large_at(line: u64) -> Step {
    Step::Refusal(Refusal {
        line,
        reason: Reason::TooLarge,
    })
}

/// What stands at a break, safe to print.
fn describe(rest: &[u8]) -> String {
    match rest {
        [] => "the end of the text".to_owned(),
        [b'\n', ..] => "the end of the line".to_owned(),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16 text (send UTF-8)".to_owned(),
        [byte, ..] if byte.is_ascii_graphic() => format!("`{}`", char::from(*byte)),
        [byte, ..] => format!("the byte 0x{byte:02x}"),
    }
}
