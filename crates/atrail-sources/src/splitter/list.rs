//! The elements of lists, and the members of objects around them.

use super::ahead::passed_over;
use super::frame::{Ends, Expect, Frame, Kind};
use super::values::{is_whitespace, too_large_at};
use super::{Role, Splitter, Step};

impl Splitter {
    /// Reads the next token of a list.
    pub(super) fn in_list(&mut self, window: &[u8], last: bool) -> Option<Step> {
        self.skip(window, is_whitespace);
        let frame = self.frames.last_mut()?;
        let Some(&byte) = window.get(self.pos) else {
            return if last {
                self.break_at_end(window)
            } else {
                Some(Step::NeedMore)
            };
        };
        let expected = frame.expected();
        match (frame.kind, frame.expect, byte) {
            (_, Expect::FirstOrClose | Expect::CommaOrClose, _) if byte == frame.closing() => {
                return self.close(window);
            }
            (_, Expect::CommaOrClose, b',') => {
                frame.expect = Expect::Next;
                self.pos += 1;
            }
            (Kind::Array, Expect::FirstOrClose | Expect::Next, _) if begins_value(byte) => {
                self.begin_element(window, byte);
            }
            // A missing comma: the engine refuses the element after it.
            (Kind::Array, Expect::CommaOrClose, _) if begins_value(byte) => {
                if !frame.is_broken {
                    frame.is_broken = true;
                    self.blame = Some(self.refusal(window, self.pos, expected));
                }
                self.begin_element(window, byte);
            }
            // A surplus comma: the engine refuses the missing element.
            (Kind::Array, Expect::FirstOrClose | Expect::Next, b',' | b']') => {
                frame.expect = if byte == b',' {
                    Expect::Next
                } else {
                    Expect::CommaOrClose
                };
                self.pos += usize::from(byte == b',');
                let at = self.pos - usize::from(byte == b',');
                return Some(Step::Refusal(self.refusal(window, at, expected)));
            }
            (Kind::Array, ..) => {
                if self.must_look_ahead(window, last) {
                    return Some(Step::NeedMore);
                }
                return self.break_in_list(window, expected);
            }
            (Kind::Object, Expect::FirstOrClose | Expect::Next, b'"') => {
                frame.expect = Expect::Colon;
                self.begin(window, byte, Role::Name);
            }
            (Kind::Object, Expect::Colon, b':') => {
                frame.expect = Expect::MemberValue;
                self.pos += 1;
            }
            (Kind::Object, Expect::MemberValue, b'[') if frame.at_events && !frame.is_event => {
                frame.expect = Expect::CommaOrClose;
                frame.found = true;
                if frame.ends == Ends::Unknown {
                    frame.fallback_start = None;
                }
                let line = self.place.line(window, self.pos);
                self.frames
                    .push(Frame::new(Kind::Array, line, Ends::Unknown));
                self.pos += 1;
            }
            (Kind::Object, Expect::MemberValue, _) if begins_value(byte) => {
                frame.expect = Expect::CommaOrClose;
                self.begin(window, byte, Role::Skipped);
            }
            (Kind::Object, ..) => {
                if self.must_look_ahead(window, last) {
                    return Some(Step::NeedMore);
                }
                return self.break_off(window, self.pos, expected);
            }
        }
        None
    }

    fn begin_element(&mut self, window: &[u8], first: u8) {
        self.begin(window, first, Role::Element);
        let column = self.value.as_ref().map(|value| value.scan.column());
        if let (Some(frame), Some(column)) = (self.frames.last_mut(), column) {
            frame.expect = Expect::CommaOrClose;
            frame.column = column;
        }
    }

    /// Reads the closing bracket of the innermost list.
    fn close(&mut self, window: &[u8]) -> Option<Step> {
        let frame = self.frames.pop()?;
        self.pos += 1;
        let bound = frame.bound();
        let step = if frame.kind == Kind::Object && !frame.found {
            Some(match (frame.fallback_start, bound) {
                (Some(start), Some(end)) => self.hand_on(start..end, frame.line, window),
                _ => too_large_at(frame.line),
            })
        } else {
            let left = window
                .get(self.pos..bound.unwrap_or(self.pos))
                .unwrap_or_default();
            let stray = left.iter().position(|byte| !is_whitespace(*byte));
            let left = self.pos..self.pos + left.len();
            let step = stray.map(|stray| {
                let at = self.pos + stray;
                let mut refusal = self.refusal(window, at, "the end of the line");
                refusal.not_read =
                    frame.lines_lost() + passed_over(window, left.start, left.end, None);
                refusal
            });
            step.or_else(|| frame.lost.clone()).map(Step::Refusal)
        };
        self.leave(&frame);
        step
    }

    /// Moves to the end of a list's text, when that is known.
    pub(super) const fn leave(&mut self, frame: &Frame) {
        if let Ends::At(end) = frame.ends {
            self.pos = end;
        }
    }
}

const fn begins_value(byte: u8) -> bool {
    matches!(
        byte,
        b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'
    )
}
