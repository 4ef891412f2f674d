//! The conditions by which an object is recognised.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::glob::Pattern;
use super::path::{Path, Segment, follow};
use crate::json::Own;
use crate::text::Text;

/// The lists of conditions of a mapping: an object is recognised when all conditions of one list hold.
#[derive(Debug, Default)]
pub(super) struct Detector {
    lists: Vec<Vec<Condition>>,
    /// The first names of the conditions' paths, each once.
    names: Vec<Box<str>>,
}

/// `path`: there is a value, and it is not null. `path=pattern`: it is a text that matches. `!path`: there is none.
#[derive(Debug)]
struct Condition {
    /// The position of its path's first name.
    name: usize,
    rest: Vec<Segment>,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    Present,
    Absent,
    Like(Pattern),
}

impl Detector {
    /// Compiles conditions, or returns what is wrong with them.
    pub(super) fn new(written: &[Vec<String>]) -> Result<Self, String> {
        let mut detector = Self::default();
        for list in written {
            let first = list.first().ok_or("a list of conditions is empty")?;
            if first.starts_with('!') {
                return Err(format!(
                    "`{first}`: the first condition of a list must name a member that is there"
                ));
            }
            let conditions: Result<_, _> =
                list.iter().map(|text| detector.condition(text)).collect();
            detector.lists.push(conditions?);
        }
        Ok(detector)
    }

    fn condition(&mut self, text: &str) -> Result<Condition, String> {
        let (path, expected) = match (text.strip_prefix('!'), text.split_once('=')) {
            (Some(path), _) => (path, Expected::Absent),
            (None, Some((path, pattern))) => (path, Expected::Like(Pattern::new(pattern))),
            (None, None) => (text, Expected::Present),
        };
        let path = Path::parse(path)?;
        let first = path.first();
        let known = self.names.iter().position(|name| **name == *first);
        let name = known.unwrap_or_else(|| {
            self.names.push(first.into());
            self.names.len() - 1
        });
        Ok(Condition {
            name,
            rest: path.segments[1..].to_vec(),
            expected,
        })
    }

    /// Returns the names of which an object that is recognised has at least one: one of each list.
    pub(super) fn telling(&self) -> impl Iterator<Item = &str> {
        let firsts = self.lists.iter().filter_map(|list| list.first());
        firsts.map(|condition| &*self.names[condition.name])
    }

    /// Reports whether a JSON object is in the format. Where its members are not known, it reads no further than it must.
    pub(super) fn recognises(&self, text: &[u8], own: Option<&Own<'_>>) -> bool {
        if self.lists.is_empty() {
            return true;
        }
        if let Some(own) = own {
            return self.recognises_members(own);
        }
        let mut found = vec![None; self.names.len()];
        let mut parser = serde_json::Deserializer::from_slice(text);
        let read = parser.deserialize_map(Looking {
            detector: self,
            found: &mut found,
        });
        match read {
            // The conditions hold whatever follows, or the text is not JSON.
            Err(_) => self.holds(&found, false),
            Ok(()) => parser.end().is_ok() && self.holds(&found, true),
        }
    }

    fn recognises_members(&self, own: &Own<'_>) -> bool {
        let mut found = vec![None; self.names.len()];
        for (name, raw) in own {
            let mut names = self.names.iter();
            if let Some(at) = names.position(|known| **known == **name) {
                found[at] = Some(*raw);
                if self.holds(&found, false) {
                    return true;
                }
            }
        }
        self.holds(&found, true)
    }

    /// Reports whether a list of conditions holds, for an object that is read to its end or not.
    fn holds(&self, found: &[Option<&str>], to_end: bool) -> bool {
        let holds = |condition: &Condition| {
            let value = found[condition.name].and_then(|raw| follow(raw, &condition.rest));
            let value = value.filter(|raw| *raw != "null");
            match &condition.expected {
                Expected::Present => value.is_some(),
                Expected::Absent => to_end && value.is_none(),
                Expected::Like(pattern) => {
                    let text = value.and_then(Text::of_json);
                    text.is_some_and(|text| pattern.matches(&text.into_plain()))
                }
            }
        };
        self.lists.iter().any(|list| list.iter().all(holds))
    }
}

struct Looking<'d, 'f, 'de> {
    detector: &'d Detector,
    found: &'f mut [Option<&'de str>],
}

impl<'de> Visitor<'de> for Looking<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let mut names = self.detector.names.iter();
            let Some(at) = names.position(|known| **known == *name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.found[at] = Some(map.next_value::<&RawValue>()?.get());
            if self.detector.holds(self.found, false) {
                return Err(A::Error::custom("recognised"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::own_members;

    #[test]
    fn one_list_of_conditions_must_hold() {
        let lists = [vec!["id", "kind=audit*", "!time"], vec!["a.b=1"]];
        let lists = lists.map(|list| list.into_iter().map(str::to_owned).collect());
        let detector = Detector::new(&lists).unwrap();
        assert_eq!(detector.telling().collect::<Vec<_>>(), ["id", "a"]);
        for text in [
            r#"{"id":1,"kind":"audit.v1"}"#,
            r#"{"kind":"audit","time":null,"id":{}}"#,
            r#"{"x":2,"a":{"b":1}}"#,
            r#"{"a":{"b":"1"},"then": no JSON"#,
        ] {
            assert!(detector.recognises(text.as_bytes(), None), "{text}");
            let own = own_members(text.as_bytes());
            assert!(own.is_none_or(|own| detector.recognises_members(&own)));
        }
        for text in [
            r#"{"id":null,"kind":"audit.v1"}"#,
            r#"{"id":1,"kind":"other"}"#,
            r#"{"id":1,"kind":"audit","time":0}"#,
            r#"{"id":1,"kind":"audit" no JSON"#,
            r#"{"x":{"a":{"b":1}}}"#,
            r#"[{"a":{"b":1}}]"#,
        ] {
            assert!(!detector.recognises(text.as_bytes(), None), "{text}");
            let own = own_members(text.as_bytes());
            assert!(own.is_none_or(|own| !detector.recognises_members(&own)));
        }
        for list in [vec![], vec!["!a".to_owned()], vec!["a.".to_owned()]] {
            assert!(Detector::new(&[list]).is_err());
        }
    }
}
