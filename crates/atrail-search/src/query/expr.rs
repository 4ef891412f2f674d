//! What a query means.

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::TimeRange;
use crate::compare::Kind;

/// A condition on an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Every event.
    All,
    /// All of these hold.
    And(Vec<Self>),
    /// At least one of these holds.
    Or(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// The field has a value that is not null. An object counts, also an empty one.
    Exists(Field),
    /// One of the field's values passes the test.
    Is(Field, Test),
    /// The event's text has these words side by side in this order: a bare word or a phrase. A word of the text (see
    /// [`crate::text::words`]) matches a whole word of the query, or its pattern. The words stand in one string, which
    /// is a value or the name of a member, or in one number, `true` or `false`.
    Text(Vec<Pattern>),
    /// The event's time is in this range. It is the time by which the archive files the event: that of the last member
    /// `eventTime`, by this exact name.
    Time(TimeRange),
}

/// A field: the places of its values in an event, any of which counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, as it was given.
    pub name: String,
    /// Where its values stand, in the order in which an event's value is chosen for counting.
    pub paths: Vec<Path>,
}

/// The names of members, from the event inward. Lists on the way are entered: each of their elements counts.
///
/// Names are compared folded and joined by dots, so that a member `a.b` is found where `b` in `a` is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<String>);

/// What a value must be. Values are compared decoded and case-folded; numbers, true and false by their text.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The whole value, folded.
    Equals(String),
    /// The whole value matches a pattern.
    Like(Pattern),
    /// The value contains a match of a regular expression of linear time, whatever its case. (It may anchor itself.)
    Regex(String),
    /// The value lies between the bounds. When every bound is a number, numbers are compared, and nothing else passes;
    /// likewise with addresses; otherwise folded text is compared, by its characters.
    Within(Bound, Bound),
    /// The value is an address in this network, or a network inside it: the address, and the length of its prefix.
    Network(IpAddr, u8),
}

/// One end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// No limit.
    None,
    /// This value, and what lies inside.
    Including(String),
    /// Only what lies inside.
    Excluding(String),
}

impl Bound {
    /// Reports whether nothing can lie between these bounds, because the lower one is greater than the upper one.
    pub(super) fn leaves_nothing(&self, upper: &Self) -> bool {
        match (self, upper) {
            (
                Self::Including(from) | Self::Excluding(from),
                Self::Including(to) | Self::Excluding(to),
            ) => Kind::of([&**from, &**to]).compare(from, to) == Some(Ordering::Greater),
            _ => false,
        }
    }
}

/// A text with wildcards, folded. No two texts follow each other, nor two `*`, and no text is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(pub Vec<Piece>);

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// This text.
    Text(String),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Any,
}

impl Expr {
    /// Returns the condition that all of these hold, without needless parts.
    #[must_use]
    pub fn all_of(conditions: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = Vec::new();
        for condition in conditions {
            match condition {
                Self::All => {}
                Self::And(inner) => inner.into_iter().for_each(|part| add(&mut parts, part)),
                other => add(&mut parts, other),
            }
        }
        match parts.len() {
            0 => Self::All,
            1 => parts.remove(0),
            _ => Self::And(parts),
        }
    }

    /// Returns the condition that at least one of these holds, without needless parts. Of none it is [`Self::nothing`].
    #[must_use]
    pub fn any_of(conditions: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = Vec::new();
        for condition in conditions {
            match condition {
                Self::All => return Self::All,
                Self::Or(inner) => inner.into_iter().for_each(|part| add(&mut parts, part)),
                other => add(&mut parts, other),
            }
        }
        match parts.len() {
            0 => Self::nothing(),
            1 => parts.remove(0),
            _ => Self::Or(parts),
        }
    }

    /// Returns the condition that this one does not hold.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// Returns the condition that holds for no event.
    #[must_use]
    pub fn nothing() -> Self {
        Self::Not(Box::new(Self::All))
    }
}

fn add(parts: &mut Vec<Expr>, part: Expr) {
    if !parts.contains(&part) {
        parts.push(part);
    }
}

impl Pattern {
    /// Returns the pattern of these parts, joined.
    #[must_use]
    pub fn of(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Any), Piece::Any) => {}
                (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                (_, Piece::Text(text)) if text.is_empty() => {}
                (_, piece) => joined.push(piece),
            }
        }
        Self(joined)
    }

    /// Returns the pattern that only this folded text matches.
    #[must_use]
    pub fn exactly(text: impl Into<String>) -> Self {
        Self::of([Piece::Text(text.into())])
    }

    /// Returns the text when there is no wildcard.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &*self.0 {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}
