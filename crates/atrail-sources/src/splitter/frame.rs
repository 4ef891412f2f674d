//! A list of events that is open: an array, or an object around one.

use crate::Refusal;

/// An open list.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) expect: Expect,
    /// The line it begins on.
    pub(super) line: u64,
    pub(super) ends: Ends,
    /// For an object that may still turn out to be no list: where it begins, so that it can be refused whole.
    pub(super) fallback_start: Option<usize>,
    /// For an object: how many bytes stand before it on its line.
    pub(super) start_column: usize,
    /// For an object: whether the member being read is `events`.
    pub(super) at_events: bool,
    /// For an object: whether it has an `eventTime`, and so is an event itself, whatever else it has.
    pub(super) is_event: bool,
    /// For an object: whether its `events` were found.
    pub(super) found: bool,
    /// For an array: how many bytes stand before its last element on that line.
    pub(super) column: usize,
    /// A break in it was reported. From there on commas may be missing, and so may its end.
    pub(super) is_broken: bool,
    /// For an object: how many of its members' values begin a line. Should it break, they were passed over.
    pub(super) passed: u64,
    /// For an object: a member's value that is no JSON, and took lines with it.
    pub(super) lost: Option<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Array,
    Object,
}

/// What is known of a list's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Nothing: it may be larger than the window.
    Unknown,
    /// It ends here, so that the text after it can be read whatever is wrong in it.
    At(usize),
}

/// What may come next in a list.
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

    /// How many lines its members took with them that are no JSON.
    pub(super) fn lines_lost(&self) -> u64 {
        self.lost.as_ref().map_or(0, |lost| lost.not_read)
    }

    /// How far its text reaches, when that is known.
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

    /// What would be right next, for messages.
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
