//! Shortens JSON objects that are too long to keep whole.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::surrogates::without_halves;
use crate::text::{write_escaped, write_string};

/// The longest member that is not worth removing.
const SMALL_MAX_BYTES: usize = 256;

/// Returns a JSON object with members removed until it has at most `limit` bytes as the inside of a JSON string; in the
/// place of each stands an object with its length and its SHA-256. The named members go first, in their order, then the
/// longest. `None` when the text is no object, or stays too long.
pub(crate) fn trimmed(text: &[u8], first: &[String], limit: usize) -> Option<String> {
    let text = without_halves(text);
    let mut parser = serde_json::Deserializer::from_slice(&text);
    let members = parser.deserialize_map(AllMembers).ok()?;
    parser.end().ok()?;
    let mut members: Vec<_> = (members.into_iter())
        .map(|(name, raw)| Member::new(name, raw))
        .collect();
    let mut total: usize = members.iter().map(|member| member.escaped_bytes).sum();
    let rank = |member: &Member<'_>| {
        let named = first.iter().position(|name| *name == member.name);
        (named.unwrap_or(first.len()), usize::MAX - member.raw.len())
    };
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&at| rank(&members[at]));
    for at in order {
        if total <= limit {
            break;
        }
        let member = &mut members[at];
        if member.raw.len() > SMALL_MAX_BYTES {
            total -= member.escaped_bytes;
            member.remove();
            total += member.escaped_bytes;
        }
    }
    if total > limit {
        return None;
    }
    let mut out = vec![b'{'];
    for (index, member) in members.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"" } else { b"," });
        write_string(&member.name, &mut out);
        out.push(b':');
        out.extend_from_slice(member.raw.as_bytes());
    }
    out.push(b'}');
    String::from_utf8(out).ok()
}

struct Member<'a> {
    name: Cow<'a, str>,
    raw: Cow<'a, str>,
    /// Its length within a JSON string, punctuation included.
    escaped_bytes: usize,
}

impl<'a> Member<'a> {
    fn new(name: Cow<'a, str>, raw: &'a str) -> Self {
        let mut member = Self {
            name,
            raw: raw.into(),
            escaped_bytes: 0,
        };
        member.measure();
        member
    }

    fn measure(&mut self) {
        let mut named = Vec::new();
        write_string(&self.name, &mut named);
        let named = String::from_utf8(named).unwrap_or_default();
        let mut escaped = Vec::new();
        write_escaped(&named, &mut escaped);
        write_escaped(&self.raw, &mut escaped);
        self.escaped_bytes = escaped.len() + 4;
    }

    fn remove(&mut self) {
        let hash = Sha256::digest(self.raw.as_bytes());
        let mut out = Vec::new();
        write!(
            out,
            "{{\"trimmed\":true,\"bytes\":{},\"sha256\":\"{hash:x}\"}}",
            self.raw.len()
        )
        .expect("writing to memory does not fail");
        self.raw = String::from_utf8(out).unwrap_or_default().into();
        self.measure();
    }
}

struct AllMembers;

impl<'de> Visitor<'de> for AllMembers {
    type Value = Vec<(Cow<'de, str>, &'de str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            members.push((name, map.next_value::<&RawValue>()?.get()));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn named_members_go_first_and_leave_their_hash() {
        let long = "\"".repeat(1000);
        let text =
            json!({"a": "b", "small": 1, "long": long, "first": "x".repeat(500)}).to_string();
        let first = ["first".to_owned()];
        let all = trimmed(text.as_bytes(), &first, 100_000).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&all).unwrap(),
            serde_json::from_str::<Value>(&text).unwrap()
        );
        let one: Value =
            serde_json::from_str(&trimmed(text.as_bytes(), &first, 4300).unwrap()).unwrap();
        assert_eq!(one["long"], long);
        assert_eq!(one["first"]["bytes"], 502);
        let both: Value =
            serde_json::from_str(&trimmed(text.as_bytes(), &first, 400).unwrap()).unwrap();
        assert_eq!(both["a"], "b");
        let hash = format!("{:x}", Sha256::digest(json!(long).to_string()));
        assert_eq!(
            both["long"],
            json!({"trimmed": true, "bytes": 2002, "sha256": hash})
        );
        assert_eq!(trimmed(text.as_bytes(), &first, 30), None);
        assert_eq!(trimmed(b"[1]", &first, 30), None);
    }
}
