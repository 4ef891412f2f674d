//! Reads members of an event's line without rewriting anything: every value is a slice of the line.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::EventFault;

/// One JSON object: its members in their order, including duplicates.
#[derive(Debug, Default)]
pub(crate) struct Object<'a>(Vec<Member<'a>>);

/// A member's name and value, as the line has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

impl<'a> Object<'a> {
    /// Reads the line of an event.
    pub(crate) fn of_line(line: &'a [u8]) -> Result<Self, EventFault> {
        let text = std::str::from_utf8(line).map_err(|_| EventFault::NotUtf8)?;
        Self::parse(text).ok_or(EventFault::NotAnObject)
    }

    /// Reads a JSON text; `None` when it is not an object.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Returns the members of this name, with or without escapes in it.
    pub(crate) fn named(&self, name: &'a str) -> impl DoubleEndedIterator<Item = Member<'a>> {
        self.0.iter().copied().filter(move |member| {
            let plain = &member.name[1..member.name.len() - 1];
            plain == name || (plain.contains('\\') && text_of(member.name) == name)
        })
    }

    /// Returns the value of this member; among duplicates, that of the last, as most readers do (RFC 8259 §4).
    pub(crate) fn get(&self, name: &'a str) -> Option<&'a str> {
        self.named(name).next_back().map(|member| member.value)
    }

    /// Returns the members of the object in this member, or none when its value is not an object.
    pub(crate) fn object(&self, name: &'a str) -> Self {
        self.get(name).and_then(Self::parse).unwrap_or_default()
    }
}

/// Returns the text of a JSON string, or any other value unchanged. A lone surrogate becomes U+FFFD.
pub(crate) fn text_of(value: &str) -> Cow<'_, str> {
    match value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        None => Cow::Borrowed(value),
        Some(inside) if !inside.contains('\\') => Cow::Borrowed(inside),
        Some(_) => {
            serde_json::from_str(value).map_or(Cow::Borrowed(value), |Lossy(text)| text.into())
        }
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    members.push(Member {
                        name: name.get(),
                        value: value.get(),
                    });
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A string in which U+FFFD replaces lone surrogates, which JSON can write and Unicode does not have.
struct Lossy(String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LossyVisitor;
        impl Visitor<'_> for LossyVisitor {
            type Value = Lossy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Lossy, E> {
                Ok(Lossy(String::from_utf8_lossy(text).into_owned()))
            }
        }
        deserializer.deserialize_bytes(LossyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_slices_of_the_text() {
        let text = r#"{ "a" : 1e999 , "b":{"c":"x"},"a":[ 1,2 ] }"#;
        let object = Object::parse(text).unwrap();
        assert_eq!(object.get("a"), Some("[ 1,2 ]"), "the last counts");
        assert_eq!(object.named("a").count(), 2);
        assert_eq!(object.object("b").get("c"), Some("\"x\""));
        assert!(object.object("a").0.is_empty() && object.get("c").is_none());
        assert!(Object::parse("[]").is_none() && Object::parse("{} x").is_none());
    }

    #[test]
    fn names_and_texts_are_compared_without_their_escapes() {
        let object = Object::parse(r#"{"\u0061":"\u0062\n","\ud800":0}"#).unwrap();
        assert_eq!(object.get("a").map(text_of).unwrap(), "b\n");
        assert_eq!(text_of(r#""x\ud800y""#), "x\u{fffd}\u{fffd}\u{fffd}y");
        assert_eq!(text_of("1.50"), "1.50");
    }
}
