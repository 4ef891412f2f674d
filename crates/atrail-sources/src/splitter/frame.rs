//! An open list of events: an array, or an object around one.

use crate::Refusal;

/// An open list.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) expect: Expect,
    /// The line that it begins on.
    pub(super) line: u64,
    pub(super) ends: Ends,
    /// For an object that may turn out not to be a list: its beginning, so that the engine can refuse all of it.
    pub(super) fallback_start: Option<usize>,
    /// For an object: the number of bytes before it on its line.
    pub(super) start_column: usize,
    /// For an object: whether the current member is `events`.
    pub(super) at_events: bool,
    /// For an object: whether it has an `eventTime`, and therefore is itself an event.
    pub(super) is_event: bool,
    /// For an object: whether the engine has found its `events`.
    pub(super) found: bool,
    /// For an array: the number of bytes before its last element on that element's line.
    pub(super) column: usize,
    /// Whether the engine has reported a break in it. After a break, commas and the list's end may be missing.
    pub(super) is_broken: bool,
    /// For an object: how many values of its members begin a line. If the object breaks, these count as skipped.
    pub(super) passed: u64,
    /// For an object: the refusal of a member's value that is not JSON, and that hides lines.
    pub(super) lost: Option<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Array,
    Object,
}

/// The engine's knowledge of a list's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Nothing: the list may be larger than the window.
    Unknown,
    /// The list ends here, so the engine can read the text after it despite any fault within it.
    At(usize),
}

/// The token that may come next in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    FirstOrClose,
    Next,
    Colon,
    MemberValue,
    CommaOrClose,
}

impl Frame {
    pub(super) const fn new(kind: Kind, line: u64, ends: Ends) -> Self {
        Self {
            kind,
            expect: Expect::FirstOrClose,
            line,
            ends,
            fallback_start: None,
            start_column: 0,
            at_events: false,
            is_event: false,
            found: false,
            column: usize::MAX,
            is_broken: false,
            passed: 0,
            lost: None,
        }
    }

    pub(super) const fn with_fallback(mut self, start: usize, column: usize) -> Self {
        self.fallback_start = Some(start);
        self.start_column = column;
        self
    }

    /// Returns how many lines are hidden in members that are not JSON.
    pub(super) fn lines_lost(&self) -> u64 {
        self.lost.as_ref().map_or(0, |lost| lost.not_read)
    }

    /// Returns where its text ends, when that is known.
    pub(super) const fn bound(&self) -> Option<usize> {
        match self.ends {
            Ends::Unknown => None,
            Ends::At(end) => Some(end),
        }
    }

    pub(super) const fn closing(&self) -> u8 {
        match self.kind {
            Kind::Array => b']',
            Kind::Object => b'}',
        }
    }

    /// Returns the expected token, for messages.
    pub(super) const fn expected(&self) -> &'static str {
        match (self.kind, self.expect) {
            (Kind::Array, Expect::FirstOrClose) => "an event or the end of the array",
            (Kind::Array, Expect::CommaOrClose) => "a comma or the end of the array",
            (Kind::Array, _) => "an event",
            (Kind::Object, Expect::FirstOrClose) => "a member's name or the end of the object",
            (Kind::Object, Expect::CommaOrClose) => "a comma or the end of the object",
            (Kind::Object, Expect::Next) => "a member's name",
            (Kind::Object, Expect::Colon) => "a colon",
            (Kind::Object, Expect::MemberValue) => "a value",
        }
    }

    pub(super) fn move_back(&mut self, count: usize) {
        self.fallback_start = self.fallback_start.map(|start| start - count);
        self.ends = match self.ends {
            Ends::Unknown => Ends::Unknown,
            Ends::At(end) => Ends::At(end - count),
        };
    }
}
