//! Searches all names of a table at once.

use std::ops::{BitAnd, BitOr};

use aho_corasick::packed;
use memchr::memmem::Finder;

use crate::json::Own;

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

/// How many names are searched at once: as many as the processor's vectors distinguish at full width. For more than twice as
/// many, there would be no such search.
const PACKED_MAX: usize = 32;

/// The search for the names, quotes included.
#[derive(Debug)]
pub(crate) struct Search {
    /// One pass for each few of them, where the processor can.
    packed: Option<Vec<packed::Searcher>>,
    /// Otherwise one pass for each.
    finders: Vec<Finder<'static>>,
    /// The names without quotes.
    names: Vec<Box<str>>,
    /// For the names of each [`bucket`], their positions.
    buckets: Vec<Vec<usize>>,
}

impl Search {
    pub(super) fn new(names: Vec<Vec<u8>>) -> Self {
        let finders = names.iter().map(|name| Finder::new(name).into_owned());
        let bare = names.iter().map(|name| {
            let name = String::from_utf8_lossy(name);
            name.trim_matches('"').into()
        });
        let bare: Vec<Box<str>> = bare.collect();
        let mut buckets = vec![Vec::new(); BUCKETS];
        for (at, name) in bare.iter().enumerate() {
            buckets[bucket(name)].push(at);
        }
        Self {
            names: bare,
            buckets,
            finders: finders.collect(),
            packed: (names.chunks(PACKED_MAX).map(packed::Searcher::new)).collect(),
        }
    }

    /// Returns the names that an object has itself.
    pub(crate) fn among(&self, own: &Own<'_>) -> NameSet {
        let all = own.iter().flat_map(|(name, _)| {
            let same = self.buckets[bucket(name)].iter();
            same.filter(|at| *self.names[**at] == **name)
        });
        all.fold(NameSet::default(), |set, at| set | NameSet::of(*at))
    }

    /// Returns the names that a text has, anywhere.
    pub(crate) fn find(&self, text: &[u8]) -> NameSet {
        let none = NameSet::default();
        match &self.packed {
            // Names neither contain each other nor overlap: each has a quote at its ends alone.
            Some(packed) => {
                let all = packed.iter().enumerate().flat_map(|(group, packed)| {
                    let found = packed.find_iter(text);
                    found.map(move |found| group * PACKED_MAX + found.pattern().as_usize())
                });
                all.fold(none, |set, at| set | NameSet::of(at))
            }
            None => self.find_one_by_one(text),
        }
    }

    fn find_one_by_one(&self, text: &[u8]) -> NameSet {
        let finders = self.finders.iter().enumerate();
        let found = finders.filter(|(_, finder)| finder.find(text).is_some());
        found.fold(NameSet::default(), |set, (at, _)| set | NameSet::of(at))
    }
}

const BUCKETS: usize = 256;

/// Returns where a name is among the buckets.
fn bucket(name: &str) -> usize {
    let bytes = name.as_bytes();
    let sum = |at: Option<&u8>| usize::from(at.copied().unwrap_or_default());
    (sum(bytes.first()) * 7 + sum(bytes.last()) * 3 + bytes.len()) % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_names_is_searched_at_once() {
        let names: Vec<_> = (0..200)
            .map(|number| format!("\"name-{number}\"").into_bytes())
            .collect();
        let search = Search::new(names);
        assert!(search.packed.is_some() || !cfg!(target_arch = "x86_64"));
        let text = br#"{"name-0":1,"name-31":{"name-32":[]},"name-64":"name-99"}"#;
        let expected = 1 | 1 << 31 | 1 << 32 | 1 << 64 | 1 << 99;
        assert_eq!(search.find(text), search.find_one_by_one(text));
        assert_eq!(search.find(text).0, expected);
        // Of these, three are the object's own.
        let own = crate::json::own_members(text).unwrap();
        assert_eq!(search.among(&own).0, 1 | 1 << 31 | 1 << 64);
    }

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
