//! Searches all names of a table at once.

use std::ops::{BitAnd, BitOr};

use aho_corasick::packed;
use memchr::memmem::Finder;

/// Names of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NameSet(u128);

impl NameSet {
    /// The most names of a table.
    pub(crate) const NAMES_MAX: usize = u128::BITS as usize;

    /// Returns the set of the name at this position. Beyond the most names, it is the last: several names share it, and
    /// then one stands for all.
    pub(super) fn of(at: usize) -> Self {
        Self(1 << at.min(Self::NAMES_MAX - 1))
    }

    /// Reports whether there is no name in it.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for NameSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for NameSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The search for the names, quotes included.
#[derive(Debug)]
pub(crate) struct Search {
    /// One pass for all, where the processor can.
    packed: Option<packed::Searcher>,
    /// Otherwise one pass for each.
    finders: Vec<Finder<'static>>,
}

impl Search {
    pub(super) fn new(names: Vec<Vec<u8>>) -> Self {
        let finders = names.iter().map(|name| Finder::new(name).into_owned());
        Self {
            finders: finders.collect(),
            packed: packed::Searcher::new(names),
        }
    }

    /// Returns the names that a text has, anywhere.
    pub(crate) fn find(&self, text: &[u8]) -> NameSet {
        let none = NameSet::default();
        match &self.packed {
            // Names neither contain each other nor overlap: each has a quote at its ends alone.
            Some(packed) => (packed.find_iter(text)).fold(none, |set, found| {
                set | NameSet::of(found.pattern().as_usize())
            }),
            None => self.find_one_by_one(text),
        }
    }

    fn find_one_by_one(&self, text: &[u8]) -> NameSet {
        let finders = self.finders.iter().enumerate();
        let found = finders.filter(|(_, finder)| finder.find(text).is_some());
        found.fold(NameSet::default(), |set, (at, _)| set | NameSet::of(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_searches_find_the_same_names() {
        let names = [
            "\"a\"",
            "\"ab\"",
            "\"abc\"",
            "\"b\"",
            "\"@timestamp\"",
            "\"oslo.message\"",
        ];
        let search = Search::new(names.map(|name| name.as_bytes().to_vec()).to_vec());
        for (text, expected) in [
            ("", 0),
            (r#"{"a":1,"b":{"ab":[]}}"#, 0b1011),
            (r#"{"a b":"ab","\"b\"":1,"x":"@timestamp"}"#, 0b01_0010),
            (r#"{"oslo.message":"\"a\"","abc":"abc"}"#, 0b10_0100),
        ] {
            assert_eq!(
                search.find(text.as_bytes()),
                search.find_one_by_one(text.as_bytes()),
                "{text}"
            );
            assert_eq!(
                search.find(text.as_bytes()).0 & 0b11_1111,
                expected,
                "{text}"
            );
        }
    }
}
