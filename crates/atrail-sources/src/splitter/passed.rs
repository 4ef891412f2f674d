//! Counts the values that the engine skips: after a break, and within text that its brackets end but that is not JSON.
//!
//! The counts include every skipped line with a value, so that kept, refused and unread items account for everything
//! that was sent.

use std::ops::Range;

use atrail_model::limits::EVENT_MAX_BYTES;
use serde::de::IgnoredAny;

use super::ahead::{describe, passed_over, values_on};
use super::values::is_whitespace;
use super::{Splitter, Step, Value};
use crate::{Reason, Refusal};

const REST: &str = "the rest of this value";

impl Splitter {
    /// Returns a possible event; or refuses it, when it is not JSON and hides other values.
    pub(super) fn hand_on(&mut self, range: Range<usize>, line: u64, window: &[u8]) -> Step {
        match self.lost_inside(range.clone(), window) {
            Some(refusal) => Step::Refusal(refusal),
            None => self.other(range, line),
        }
    }

    /// Returns the refusal of a value that ends at its closing bracket, has lines with values, and is not JSON. A part
    /// of it may be an event that a truncated event swallowed.
    pub(super) fn lost_inside(&mut self, range: Range<usize>, window: &[u8]) -> Option<Refusal> {
        let not_read = passed_over(window, range.start, range.end, None);
        if not_read == 0 {
            return None;
        }
        let text = &window[range.clone()];
        let error = serde_json::from_slice::<IgnoredAny>(text).err()?;
        let mut breaks = memchr::memchr_iter(b'\n', text);
        let line = match error.line() {
            0 | 1 => 0,
            line => breaks.nth(line - 2).map_or(0, |found| found + 1),
        };
        let at = range.start + line + error.column().saturating_sub(1);
        let mut refusal = self.refusal(window, at.min(range.end - 1), REST);
        refusal.not_read = not_read;
        Some(refusal)
    }

    /// Skips a value that is not relevant: a member of an object around a list, or an element that is too large.
    pub(super) fn pass(&mut self, value: &Value, end: usize, window: &[u8]) -> Option<Step> {
        let lost = if value.is_large || end - value.start > EVENT_MAX_BYTES {
            value.scan.is_wrong().then(|| {
                let mut refusal = self.refusal(window, end - 1, REST);
                refusal.not_read = refusal.line - value.line;
                refusal
            })
        } else {
            self.lost_inside(value.start..end, window)
        };
        let frame = self.frames.last_mut()?;
        if frame.kind == super::frame::Kind::Array {
            return lost.map(Step::Refusal);
        }
        frame.passed += u64::from(value.begins_line && lost.is_none());
        match (&mut frame.lost, lost) {
            (Some(told), Some(lost)) => told.not_read += lost.not_read,
            (told, Some(lost)) => *told = Some(lost),
            (_, None) => {}
        }
        None
    }

    /// Counts the values on the lines of a value that breaks off at `at`; for one that is too large, counts its lines.
    pub(super) fn lines_in(&mut self, value: &Value, at: usize, window: &[u8]) -> u64 {
        if value.is_large || at - value.start > EVENT_MAX_BYTES {
            self.place.line(window, at) - value.line
        } else {
            passed_over(window, value.start, at, None)
        }
    }

    /// Counts the values on the rest of this line, once the window contains the part of the line that matters.
    pub(super) fn values_here(
        &self,
        searched: &mut usize,
        window: &[u8],
        last: bool,
    ) -> Option<u64> {
        let line = &window[self.pos..window.len().min(self.pos + EVENT_MAX_BYTES)];
        if !matches!(line.first(), Some(b'{' | b'[' | b',' | b'}' | b']')) {
            return Some(0);
        }
        match memchr::memchr(b'\n', &line[*searched..]) {
            Some(found) => Some(values_on(&line[..*searched + found])),
            None if last || line.len() == EVENT_MAX_BYTES => Some(values_on(line)),
            None => {
                *searched = line.len();
                None
            }
        }
    }

    /// Returns a value that breaks off before `end` as text, which is refused later for its end. When other values were
    /// skipped, refuses it here, at the end of its first line.
    pub(super) fn cut(
        &self,
        start: usize,
        end: usize,
        line: u64,
        column: usize,
        window: &[u8],
    ) -> Step {
        let text = &window[start..end];
        let not_read = passed_over(window, start, end, Some(column));
        if not_read > 0 {
            let length = memchr::memchr(b'\n', text).unwrap_or(text.len());
            return Step::Refusal(Refusal {
                line,
                reason: Reason::Broken {
                    column: (column + length + 1) as u64,
                    expected: REST,
                    found: describe(&text[length..]),
                    hint: None,
                },
                not_read,
            });
        }
        let last = text.iter().rposition(|byte| !is_whitespace(*byte));
        self.other(start..start + last.map_or(0, |last| last + 1), line)
    }

    /// Returns a text that is not a whole object.
    fn other(&self, range: Range<usize>, line: u64) -> Step {
        Step::Candidate {
            range,
            line,
            format: self.inspector.other(),
        }
    }
}
