//! Testing one value.

use std::net::IpAddr;

use regex::Regex;

use super::glob::Glob;
use crate::compare::{self, Kind};
use crate::json::Raw;
use crate::query::{Bound, Test};
use crate::text::fold;

/// A test of a value, prepared for many of them.
#[derive(Debug)]
pub struct ValueTest(Check);

#[derive(Debug)]
enum Check {
    Equals(Box<str>),
    Like(Glob),
    Regex(Regex),
    Within {
        kind: Kind,
        lower: Bound,
        upper: Bound,
    },
    Network(IpAddr, u8),
    /// No value passes: a regular expression that was never checked cannot be read.
    Never,
}

impl ValueTest {
    /// Prepares a test. A regular expression that cannot be read, which no query has, passes nothing.
    #[must_use]
    pub fn new(test: &Test) -> Self {
        Self(match test {
            Test::Equals(text) => Check::Equals(text.as_str().into()),
            Test::Like(pattern) => Check::Like(Glob::new(pattern)),
            Test::Regex(text) => crate::regexes::compile(text).map_or(Check::Never, Check::Regex),
            Test::Within(lower, upper) => Check::Within {
                kind: Kind::of([lower, upper].into_iter().filter_map(text_of)),
                lower: lower.clone(),
                upper: upper.clone(),
            },
            Test::Network(address, length) => Check::Network(*address, *length),
        })
    }

    /// Reports whether a value passes: decoded, in any case.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match &self.0 {
            Check::Equals(text) => *fold(value) == **text,
            Check::Like(glob) => glob.matches(&fold(value)),
            Check::Regex(regex) => regex.is_match(value),
            Check::Within { kind, lower, upper } => is_within(value, *kind, lower, upper),
            Check::Network(address, length) => compare::is_inside(value, *address, *length),
            Check::Never => false,
        }
    }

    /// Reports whether a value of a line passes.
    pub(crate) fn passes(&self, value: Raw<'_>) -> bool {
        match &self.0 {
            Check::Equals(text) if value.is_plain_ascii() => {
                value.bytes.eq_ignore_ascii_case(text.as_bytes())
            }
            _ => self.matches(&value.text()),
        }
    }
}

fn text_of(bound: &Bound) -> Option<&str> {
    match bound {
        Bound::None => None,
        Bound::Including(text) | Bound::Excluding(text) => Some(text),
    }
}

fn is_within(value: &str, kind: Kind, lower: &Bound, upper: &Bound) -> bool {
    let is_above = match lower {
        Bound::None => true,
        Bound::Including(text) => kind.compare(value, text).is_some_and(|order| order.is_ge()),
        Bound::Excluding(text) => kind.compare(value, text).is_some_and(|order| order.is_gt()),
    };
    is_above
        && match upper {
            Bound::None => true,
            Bound::Including(text) => kind.compare(value, text).is_some_and(|order| order.is_le()),
            Bound::Excluding(text) => kind.compare(value, text).is_some_and(|order| order.is_lt()),
        }
}
