//! Reads the wanted members of a JSON object in one pass, however deep they are.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::path::{Path, Segment};
use crate::json::{Json, Members, Own};

/// The number of a wanted value.
pub(super) type Slot = usize;

/// The wanted values, as a tree of members' names.
#[derive(Debug)]
pub(super) struct Slots {
    nodes: Vec<Node>,
    count: usize,
}

/// A value that is wanted, or that has wanted members.
#[derive(Debug, Default)]
struct Node {
    slot: Option<Slot>,
    members: Vec<(Box<str>, usize)>,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            count: 0,
        }
    }

    /// Returns the slot of the members that a path begins with, and the other segments of the path.
    pub(super) fn of(&mut self, path: &Path) -> (Slot, Vec<Segment>) {
        let is_member = |segment: &Segment| matches!(segment, Segment::Member(_));
        let end = path.segments.iter().position(|segment| !is_member(segment));
        let (members, rest) = path.segments.split_at(end.unwrap_or(path.segments.len()));
        let mut at = 0;
        for segment in members {
            if let Segment::Member(name) = segment {
                at = self.member(at, name);
            }
        }
        let slot = *self.nodes[at].slot.get_or_insert_with(|| {
            self.count += 1;
            self.count - 1
        });
        (slot, rest.to_vec())
    }

    fn member(&mut self, parent: usize, name: &str) -> usize {
        let members = &self.nodes[parent].members;
        if let Some((_, known)) = members.iter().find(|(known, _)| **known == *name) {
            return *known;
        }
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[parent].members.push((name.into(), new));
        new
    }

    /// Returns the slots of a text without any of the values.
    pub(super) fn none<'a>(&self) -> Vec<Option<&'a str>> {
        vec![None; self.count]
    }

    /// Returns the raw JSON text of each slot; of duplicate members the last. It checks the whole text.
    pub(super) fn read<'a>(&self, text: &'a [u8]) -> serde_json::Result<Vec<Option<&'a str>>> {
        match self.read_quickly(text) {
            Some(values) => Ok(values),
            None => self.read_any(text),
        }
    }

    /// The same; `None` for a text that has to be read in the other way.
    fn read_quickly<'a>(&self, text: &'a [u8]) -> Option<Vec<Option<&'a str>>> {
        let json = Json::of(text)?;
        let mut values = self.none();
        let mut members = json.members()?;
        self.fill(&self.nodes[0], &mut members, &mut values)?;
        json.ends(members.end()).then_some(values)
    }

    /// Returns the raw JSON text of each slot of an object whose members are known.
    pub(super) fn of_members<'a>(&self, own: &Own<'a>) -> Option<Vec<Option<&'a str>>> {
        let mut values = self.none();
        for (name, raw) in own {
            let mut known = self.nodes[0].members.iter();
            let Some((_, child)) = known.find(|(known, _)| **known == **name) else {
                continue;
            };
            let child = &self.nodes[*child];
            if let Some(slot) = child.slot {
                values[slot] = Some(*raw);
            }
            if !child.members.is_empty() && raw.starts_with('{') {
                let mut members = Json::of_value(raw).members()?;
                self.fill(child, &mut members, &mut values)?;
            }
        }
        Some(values)
    }

    fn fill<'a>(
        &self,
        node: &Node,
        members: &mut Members<'a>,
        values: &mut [Option<&'a str>],
    ) -> Option<()> {
        while let Some(member) = members.next()? {
            if member.name.contains('\\') {
                return None;
            }
            let mut known = node.members.iter();
            let Some((_, child)) = known.find(|(known, _)| **known == *member.name) else {
                members.value(&member)?;
                continue;
            };
            let child = &self.nodes[*child];
            let inside = members.inside(&member);
            let raw = match inside.filter(|_| !child.members.is_empty()) {
                Some(mut inside) => {
                    self.fill(child, &mut inside, values)?;
                    members.value_of(&member, &inside)
                }
                None => members.value(&member)?,
            };
            if let Some(slot) = child.slot {
                values[slot] = Some(raw);
            }
        }
        Some(())
    }

    fn read_any<'a>(&self, text: &'a [u8]) -> serde_json::Result<Vec<Option<&'a str>>> {
        let mut values = self.none();
        let mut parser = serde_json::Deserializer::from_slice(text);
        parser.deserialize_map(Filling {
            slots: self,
            node: 0,
            values: &mut values,
        })?;
        parser.end()?;
        Ok(values)
    }
}

struct Filling<'s, 'v, 'de> {
    slots: &'s Slots,
    node: usize,
    values: &'v mut [Option<&'de str>],
}

impl<'de> Visitor<'de> for Filling<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self {
            slots,
            node,
            values,
        } = self;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let mut members = slots.nodes[node].members.iter();
            let Some((_, child)) = members.find(|(known, _)| **known == *name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = map.next_value::<&RawValue>()?.get();
            let child_node = &slots.nodes[*child];
            if let Some(slot) = child_node.slot {
                values[slot] = Some(raw);
            }
            if !child_node.members.is_empty() && raw.starts_with('{') {
                let mut parser = serde_json::Deserializer::from_str(raw);
                let nested = parser.deserialize_map(Filling {
                    slots,
                    node: *child,
                    values: &mut *values,
                });
                nested.map_err(serde::de::Error::custom)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_gets_its_value_in_one_pass() {
        let mut slots = Slots::new();
        let mut of = |path: &str| slots.of(&Path::parse(path).unwrap());
        let (a, b, c) = (of("a"), of("a.b"), of("a.b.c[0].d"));
        assert_eq!(of("a.b.c[1]").0, c.0);
        assert_eq!((a.1.len(), b.1.len(), c.1.len()), (0, 0, 2));
        let text = br#"{"x":[1,{"a":2}],"a":1,"a":{"y":0,"b":{"c":[{"d":1e999}]}}}"#;
        let values = slots.read(text).unwrap();
        assert_eq!(slots.read_quickly(text).unwrap(), values);
        assert_eq!(slots.read_any(text).unwrap(), values);
        let own = crate::json::own_members(text).unwrap();
        assert_eq!(slots.of_members(&own).unwrap(), values);
        assert_eq!(values[a.0], Some(r#"{"y":0,"b":{"c":[{"d":1e999}]}}"#));
        assert_eq!(values[b.0], Some(r#"{"c":[{"d":1e999}]}"#));
        assert_eq!(values[c.0], Some(r#"[{"d":1e999}]"#));
        assert_eq!(slots.read(br#"{"a":[],"b":1}"#).unwrap()[b.0], None);
        for text in [&b"[]"[..], b"{\"z\":}", b"{} {}"] {
            assert!(slots.read(text).is_err());
        }
    }
}
