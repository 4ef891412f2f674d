//! An event as a tree that keeps duplicate members.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::text::fold;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Null,
    /// A number, `true` or `false`, as it is written.
    Plain(String),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// A value or an object, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) path: String,
    /// `None` for an object.
    pub(super) value: Option<String>,
}

impl Tree {
    pub(super) fn read(line: &[u8]) -> Self {
        let line = without_halves(std::str::from_utf8(line).expect("an event is UTF-8"));
        let tree = Self::of(&line);
        assert!(matches!(tree, Self::Object(_)), "an event is an object");
        tree
    }

    fn of(text: &str) -> Self {
        let text = text.trim();
        let wrong = "an event is JSON";
        match text.as_bytes().first() {
            Some(b'{') => {
                let members: Members = serde_json::from_str(text).expect(wrong);
                let of = |(name, raw): (String, Box<RawValue>)| (name, Self::of(raw.get()));
                Self::Object(members.0.into_iter().map(of).collect())
            }
            Some(b'[') => {
                let elements: Vec<Box<RawValue>> = serde_json::from_str(text).expect(wrong);
                Self::List(elements.iter().map(|raw| Self::of(raw.get())).collect())
            }
            Some(b'"') => Self::Text(serde_json::from_str(text).expect(wrong)),
            Some(b'n') => Self::Null,
            _ => Self::Plain(text.to_owned()),
        }
    }

    /// Returns the last member of this name.
    pub(super) fn last(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        members
            .iter()
            .rev()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value)
    }

    /// Returns all values and objects inside, with their paths.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        if let Self::Object(members) = self {
            for (name, value) in members {
                value.collect(&fold(name), &mut entries);
            }
        }
        entries
    }

    fn collect(&self, path: &str, entries: &mut Vec<Entry>) {
        let mut add = |value: Option<&String>| {
            entries.push(Entry {
                path: path.to_owned(),
                value: value.cloned(),
            });
        };
        match self {
            Self::Null => {}
            Self::Plain(text) | Self::Text(text) => add(Some(text)),
            Self::List(elements) => {
                for element in elements {
                    element.collect(path, entries);
                }
            }
            Self::Object(members) => {
                add(None);
                for (name, value) in members {
                    value.collect(&format!("{path}.{}", fold(name)), entries);
                }
            }
        }
    }

    /// Returns all names of members and all values.
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::Null => Vec::new(),
            Self::Plain(text) | Self::Text(text) => vec![text.clone()],
            Self::List(elements) => elements.iter().flat_map(Self::texts).collect(),
            Self::Object(members) => {
                let of =
                    |(name, value): &(String, Self)| [vec![name.clone()], value.texts()].concat();
                members.iter().flat_map(of).collect()
            }
        }
    }
}

struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Writes `\ufffd` in place of each half of a surrogate pair, which `serde_json` refuses.
fn without_halves(text: &str) -> String {
    let escape = regex::Regex::new(
        r"(?i)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|\\u(d[89a-f][0-9a-f]{2})|\\(.)",
    );
    let escape = escape.expect("a regular expression that can be read");
    let replace = |found: &regex::Captures| match found.get(3) {
        Some(_) => r"\ufffd".to_owned(),
        None => found[0].to_owned(),
    };
    escape.replace_all(text, replace).into_owned()
}
