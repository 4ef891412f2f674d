//! Input in which every line stands alone.

use std::ops::Range;

use atrail_model::limits::EVENT_MAX_BYTES;

use super::frame::{Ends, Frame, Kind};
use super::values::is_whitespace;
use super::{Splitter, Step};
use crate::inspector::Shape;
use crate::scan::{Scan, Scanned};

/// The current line.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    /// Whether the engine reads its values one by one.
    pub(super) entered: bool,
    /// The position up to which the engine has searched its end.
    pub(super) searched: usize,
    /// Its end, once that is known.
    end: Option<usize>,
}

impl Line {
    pub(super) fn move_back(&mut self, count: usize) {
        self.searched = self.searched.saturating_sub(count);
        self.end = self.end.map(|end| end - count);
    }
}

impl Splitter {
    pub(super) fn step_lines(&mut self, window: &[u8], last: bool) -> Option<Step> {
        loop {
            let end = self.line_end(window, last);
            if self.line.entered {
                let line = &window[..end.unwrap_or(window.len())];
                match self.step_values(line, end.is_some())? {
                    Step::End => self.leave_line(line.len(), window),
                    step => return Some(step),
                }
                continue;
            }
            if self.pos >= window.len() {
                return Some(if last { Step::End } else { Step::NeedMore });
            }
            match end {
                Some(end) => {
                    let text = trimmed(window, self.pos..end);
                    if text.is_empty() {
                        self.leave_line(end, window);
                    } else if text.len() > EVENT_MAX_BYTES {
                        self.line.entered = true;
                    } else if let Some(step) = self.take_line(window, text, end) {
                        return Some(step);
                    }
                }
                // It can only be a list.
                None if window.len() - self.pos > EVENT_MAX_BYTES => self.line.entered = true,
                None => return Some(Step::NeedMore),
            }
        }
    }

    /// Reads a line that fits into the window. Refuses all of it when anything in it is wrong.
    fn take_line(&mut self, window: &[u8], text: Range<usize>, end: usize) -> Option<Step> {
        let line = self.place.line(window, text.start);
        let is_object = window[text.start] == b'{';
        if is_object
            && self.inspector.may_be_glued(&window[text.clone()])
            && is_glued(window, &text)
        {
            self.line.entered = true;
            return None;
        }
        let (range, format) = match window[text.start] {
            b'[' => {
                self.enter(
                    Frame::new(Kind::Array, line, Ends::At(text.end)),
                    text.start,
                );
                return None;
            }
            b'{' => match self.inspector.shape(&window[text.clone()]) {
                Shape::Event(format) => (text, format),
                Shape::Envelope(format, event) => {
                    let start = text.start;
                    (start + event.start..start + event.end, format)
                }
                Shape::List => {
                    let frame = Frame::new(Kind::Object, line, Ends::At(text.end));
                    self.enter(frame.with_fallback(text.start, 0), text.start);
                    return None;
                }
            },
            _ => (text, self.inspector.other()),
        };
        self.leave_line(end, window);
        Some(Step::Candidate {
            range,
            line,
            format,
        })
    }

    fn enter(&mut self, frame: Frame, start: usize) {
        self.line.entered = true;
        self.base_values = 1;
        self.frames.push(frame);
        self.pos = start + 1;
    }

    /// Returns where the line ends: at its LF, or at the end of the input. Searches no byte twice.
    pub(super) fn line_end(&mut self, window: &[u8], last: bool) -> Option<usize> {
        if self.line.end.is_none() {
            let from = self.line.searched.max(self.pos).min(window.len());
            self.line.end = match memchr::memchr(b'\n', &window[from..]) {
                Some(found) => Some(from + found),
                None if last => Some(window.len()),
                None => None,
            };
            self.line.searched = self.line.end.unwrap_or(window.len());
        }
        self.line.end
    }

    pub(super) fn leave_line(&mut self, end: usize, window: &[u8]) {
        self.pos = (end + 1).min(window.len());
        self.line = Line::default();
        self.frames.clear();
        self.value = None;
        self.seek = None;
        self.blame = None;
        self.base_values = 0;
    }
}

/// Returns whether the line's first value ends before the line does, and another value follows: a line break was lost.
fn is_glued(window: &[u8], text: &Range<usize>) -> bool {
    let mut scan = Scan::new(text.start, b'{', 0);
    let Scanned::End(end) = scan.run(&window[..text.end]) else {
        return false;
    };
    let mut rest = window[end..text.end].iter();
    matches!(rest.find(|byte| !is_whitespace(**byte)), Some(b'{'))
}

/// Returns the range without the blanks at its ends.
pub(super) fn trimmed(window: &[u8], line: Range<usize>) -> Range<usize> {
    let text = &window[line.clone()];
    let is_token = |byte: &u8| !is_whitespace(*byte);
    let start = text.iter().position(is_token).unwrap_or(text.len());
    let end = text.iter().rposition(is_token).map_or(start, |at| at + 1);
    line.start + start..line.start + end
}
