//! Continues after a break.
//!
//! A break costs the value that it is in, and nothing else: a value that breaks off extends to the next line that
//! begins a value with no deeper indentation, and is refused once. The engine reads again the text in which it searched
//! the value's end, but no stretch more than a few times, so that the time stays linear for every input.

use atrail_model::event::hint;
use atrail_model::limits::EVENT_MAX_BYTES;

use super::ahead::{describe, ends_element, next_line, passed_over, values_on};
use super::frame::{Ends, Expect, Frame, Kind};
use super::{Mode, Role, Splitter, Step, Value};
use crate::{Reason, Refusal};

/// Number of bytes at a break that suffice to describe it.
const HINT_BYTES: usize = 16;

/// The search for the next place to continue.
#[derive(Debug, Clone)]
pub(super) struct Seek {
    /// The refusal of the broken value.
    refusal: Refusal,
    /// The largest indentation of a line that begins a value.
    column: usize,
    /// The indentation of the current line, while only blanks of it were read.
    indent: Option<usize>,
    /// How far the engine has searched the end of the line.
    searched: usize,
    /// Between the elements of a list, where a comma on the same line suffices.
    in_line: bool,
}

/// A place to continue.
enum Resume {
    /// A value begins here.
    Value,
    /// A comma or the end of the list is here.
    Between,
}

impl Splitter {
    /// Handles a value that breaks off at `at`. Enters a list, because the elements before the break are valid.
    pub(super) fn broken_value(
        &mut self,
        value: Value,
        at: usize,
        expected: &'static str,
        window: &[u8],
    ) -> Option<Step> {
        let is_in_array = (self.frames.last()).is_some_and(|list| list.kind == Kind::Array);
        match value.role {
            // The engine has refused it for its size; this refusal reports how many lines it hides.
            Role::Skipped if is_in_array => {
                let mut refusal = self.refusal(window, at, expected);
                let is_next = matches!(window.get(at), Some(b'{' | b'[' | b']'));
                refusal.not_read = (refusal.line - value.line).saturating_sub(u64::from(is_next));
                self.seek_from(at, refusal, value.scan.column(), false, window)
            }
            Role::Name => self.break_off(window, at, expected),
            Role::Skipped => {
                let lines = self.lines_in(&value, at, window);
                if let Some(frame) = self.frames.last_mut() {
                    frame.passed += lines;
                }
                self.break_off(window, at, expected)
            }
            Role::Base if self.inspector.may_be_list(&window[value.start..at]) => {
                let frame = Frame::new(Kind::Object, value.line, Ends::Unknown);
                self.frames
                    .push(frame.with_fallback(value.start, value.scan.column()));
                self.pos = value.start + 1;
                value.blame.map(Step::Refusal)
            }
            Role::Base | Role::Element => {
                if let Some(next) = self.next_value(&value, at, window) {
                    return Some(self.refuse_up_to(value, next, window));
                }
                let column = value.scan.column();
                let passed = passed_over(window, value.start, at, Some(column));
                let mut refusal = match value.blame {
                    Some(blame) => blame,
                    None => self.refusal(window, at, expected),
                };
                refusal.not_read += passed;
                // The value was cut off, and not by the end of a line: another value begins here.
                if matches!(window.get(at), Some(b'{' | b'[' | b']')) {
                    self.pos = at;
                    self.resume_at(at, window);
                    return Some(Step::Refusal(refusal));
                }
                self.seek_from(at, refusal, column, false, window)
            }
        }
    }

    /// Returns where the next value begins after a value that breaks off at `at`, if that is not beyond `at` and the
    /// engine may read the text between again.
    pub(super) fn next_value(&mut self, value: &Value, at: usize, window: &[u8]) -> Option<usize> {
        let is_in_list = !self.frames.is_empty();
        let next = next_line(window, value.start, at, value.scan.column(), is_in_list)?;
        (next == at || self.rereads.take(value.start, at)).then_some(next)
    }

    /// Refuses a value, and continues at the next one.
    pub(super) fn refuse_up_to(&mut self, value: Value, next: usize, window: &[u8]) -> Step {
        self.go_back(next, window);
        self.resume_at(next, window);
        let column = value.scan.column();
        match value.blame {
            Some(mut blame) => {
                blame.not_read += passed_over(window, value.start, next, Some(column));
                Step::Refusal(blame)
            }
            None => self.cut(value.start, next, value.line, column, window),
        }
    }

    /// Returns whether the window shows too little of the text at a break to describe it.
    pub(super) const fn must_look_ahead(&self, window: &[u8], last: bool) -> bool {
        !last && window.len() - self.pos < HINT_BYTES
    }

    /// Continues at the bracket at `at`.
    fn resume_at(&mut self, at: usize, window: &[u8]) {
        self.resume(match window.get(at) {
            Some(b']') => Resume::Between,
            _ => Resume::Value,
        });
    }

    /// Handles text outside of lists that is not a value.
    pub(super) fn break_at_base(&mut self, window: &[u8], expected: &'static str) -> Option<Step> {
        let refusal = self.refusal(window, self.pos, expected);
        let column = match self.base_values {
            0 => usize::MAX,
            _ => self.base_column,
        };
        self.seek_from(self.pos, refusal, column, false, window)
    }

    /// Handles text between the elements of a list that is neither a value nor a separator.
    pub(super) fn break_in_list(&mut self, window: &[u8], expected: &'static str) -> Option<Step> {
        let refusal = self.refusal(window, self.pos, expected);
        let frame = self.frames.last()?;
        let (is_told, column) = (frame.is_broken, frame.column);
        // A closing bracket of a value that was refused before.
        if is_told && matches!(window.get(self.pos), Some(b'}' | b']')) {
            self.pos += 1;
            return None;
        }
        self.seek_from(self.pos, refusal, column, true, window)
    }

    /// Handles an object around a list that breaks at `at`.
    pub(super) fn break_off(
        &mut self,
        window: &[u8],
        at: usize,
        expected: &'static str,
    ) -> Option<Step> {
        let frame = self.frames.pop()?;
        let start = frame
            .fallback_start
            .filter(|start| !frame.found && at - start <= EVENT_MAX_BYTES);
        if let Ends::At(end) = frame.ends {
            self.leave(&frame);
            return Some(match start {
                Some(start) => self.hand_on(start..end, frame.line, window),
                None => {
                    let mut refusal = self.refusal(window, at, expected);
                    let line = memchr::memchr(b'\n', &window[at..end]);
                    refusal.not_read = frame.passed
                        + frame.lines_lost()
                        + values_on(&window[at..line.map_or(end, |found| at + found)])
                        + passed_over(window, at, end, None);
                    Step::Refusal(refusal)
                }
            });
        }
        let column = self
            .frames
            .last()
            .map_or(self.base_column, |list| list.column);
        if let Some(start) = start {
            let is_in_list = !self.frames.is_empty();
            let next = next_line(window, start, at, column, is_in_list);
            if let Some(next) = next.filter(|next| *next == at || self.rereads.take(start, at)) {
                self.go_back(next, window);
                self.resume(Resume::Value);
                return Some(self.cut(start, next, frame.line, frame.start_column, window));
            }
        }
        let mut refusal = self.refusal(window, at, expected);
        refusal.not_read = match start {
            Some(start) => passed_over(window, start, at, Some(column)),
            None => frame.passed + frame.lines_lost(),
        };
        self.seek_from(at, refusal, column, false, window)
    }

    /// Handles the end of the text within a list.
    pub(super) fn break_at_end(&mut self, window: &[u8]) -> Option<Step> {
        let expected = self.frames.last()?.expected();
        let mut is_told = false;
        let mut lines_lost = 0;
        while let Some(frame) = self.frames.last() {
            is_told |= frame.is_broken;
            if frame.kind == Kind::Object && !frame.found {
                return self.break_off(window, window.len(), expected);
            }
            let frame = self.frames.pop()?;
            lines_lost += frame.passed + frame.lines_lost();
            if let Ends::At(end) = frame.ends {
                self.pos = end;
                break;
            }
        }
        (!is_told || lines_lost > 0).then(|| {
            let mut refusal = self.refusal(window, window.len(), expected);
            refusal.not_read = lines_lost;
            Step::Refusal(refusal)
        })
    }

    fn go_back(&mut self, next: usize, window: &[u8]) {
        self.place.go_back(window, next);
        self.pos = next;
    }

    /// Begins to search the next place to continue.
    fn seek_from(
        &mut self,
        at: usize,
        refusal: Refusal,
        column: usize,
        in_line: bool,
        window: &[u8],
    ) -> Option<Step> {
        self.pos = at;
        // The bracket here may begin a value. After other text on its line, it counts as deeper than any line.
        let indent = match window.get(at) {
            Some(b'{' | b'[') => Some(self.place.indent(window, at).unwrap_or(usize::MAX)),
            Some(b']') => self.place.indent(window, at),
            _ => None,
        };
        self.seek = Some(Seek {
            refusal,
            column,
            indent,
            searched: 0,
            in_line,
        });
        None
    }

    /// Continues the search, and returns the refusal of the broken value once it ends.
    pub(super) fn seek_on(&mut self, mut seek: Seek, window: &[u8], last: bool) -> Option<Step> {
        let found = loop {
            let Some(indent) = seek.indent else {
                match self.rest_of_line(window, seek.in_line) {
                    Some(b'\n') => seek.indent = Some(0),
                    Some(_) => break Some(Resume::Between),
                    None => break None,
                }
                continue;
            };
            let start = self.pos;
            self.skip(window, |byte| matches!(byte, b' ' | b'\t' | b'\r'));
            let indent = indent.saturating_add(self.pos - start);
            seek.indent = Some(indent);
            match window.get(self.pos) {
                None => break None,
                Some(b'\n') => {
                    self.pos += 1;
                    seek.indent = Some(0);
                }
                Some(&byte) => {
                    if let Some(resume) = self.resumes(byte, indent, seek.column) {
                        break Some(resume);
                    }
                    let Some(values) = self.values_here(&mut seek.searched, window, last) else {
                        break None;
                    };
                    let is_rest = indent > seek.column || matches!(byte, b'}' | b']' | b',');
                    seek.refusal.not_read += values.max(u64::from(!is_rest));
                    (seek.indent, seek.searched, seek.in_line) = (None, 0, false);
                }
            }
        };
        match found {
            Some(resume) => self.resume(resume),
            None if !last => {
                self.seek = Some(seek);
                return Some(Step::NeedMore);
            }
            None => seek.refusal.not_read += self.give_up(window),
        }
        Some(Step::Refusal(seek.refusal))
    }

    /// Moves to the next line, or, in a list, to an earlier comma or end of the list. Returns the byte that it found.
    fn rest_of_line(&mut self, window: &[u8], in_line: bool) -> Option<u8> {
        let rest = window.get(self.pos..).unwrap_or_default();
        let found = if in_line {
            let ends = |byte: &u8| matches!(byte, b'\n' | b',' | b']');
            rest.iter().position(ends)
        } else {
            memchr::memchr(b'\n', rest)
        };
        let Some(found) = found else {
            self.pos = self.pos.max(window.len());
            return None;
        };
        self.pos += found;
        let byte = window[self.pos];
        self.pos += usize::from(byte == b'\n');
        Some(byte)
    }

    /// Returns how the engine can continue at the first byte of a line, if it can.
    fn resumes(&self, byte: u8, indent: usize, column: usize) -> Option<Resume> {
        let is_in_list = !self.frames.is_empty();
        match byte {
            b'{' | b'[' if indent <= column => Some(Resume::Value),
            b',' | b']' if is_in_list && ends_element(indent, column) => Some(Resume::Between),
            b'}' | b']' => None,
            // Before the first readable value, every line counts by itself.
            _ => (!is_in_list && indent <= column && matches!(self.mode, Mode::Sniffing { .. }))
                .then_some(Resume::Value),
        }
    }

    /// Continues here.
    fn resume(&mut self, resume: Resume) {
        match self.frames.last_mut() {
            Some(list) => {
                list.is_broken = true;
                list.expect = match resume {
                    Resume::Value => Expect::Next,
                    Resume::Between => Expect::CommaOrClose,
                };
            }
            None => self.sniff_again(),
        }
    }

    /// Gives up the rest of the input, or of a list whose end is known. Returns how many lines the open lists hide.
    fn give_up(&mut self, window: &[u8]) -> u64 {
        self.pos = window.len();
        let mut lines_lost = 0;
        while let Some(frame) = self.frames.pop() {
            lines_lost += frame.passed + frame.lines_lost();
            if let Ends::At(end) = frame.ends {
                self.pos = end;
                return lines_lost;
            }
        }
        self.sniff_again();
        lines_lost
    }

    /// When the first value is unreadable, the next one decides how values are separated.
    fn sniff_again(&mut self) {
        if let Mode::Sniffing { first_line } = &mut self.mode {
            *first_line = None;
        }
    }

    pub(super) fn refusal(&mut self, window: &[u8], at: usize, expected: &'static str) -> Refusal {
        let (line, column) = self.place.line_and_column(window, at);
        Refusal {
            line,
            reason: Reason::Broken {
                column,
                expected,
                found: describe(window.get(at..).unwrap_or_default()),
                hint: hint(window, at),
            },
            not_read: 0,
        }
    }
}
