//! The action line of a bulk item.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

/// What an action does with its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Adds the document, or replaces it.
    Index,
    /// Adds the document.
    Create,
    /// Changes parts of the document.
    Update,
    /// Removes the document.
    Delete,
}

impl Verb {
    /// Returns the name of the action, which is also that of the item in the answer.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// An action line.
#[derive(Debug)]
pub(super) struct Action<'a> {
    pub(super) verb: Verb,
    pub(super) index: Option<Cow<'a, str>>,
    pub(super) id: Option<Cow<'a, str>>,
}

impl<'a> Action<'a> {
    /// Returns the action of a line, if the line is one: an object whose only member is named as an action and is an
    /// object, or null.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Action<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneMember)
    }
}

struct OneMember;

impl<'de> Visitor<'de> for OneMember {
    type Value = Action<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one action")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Action<'de>, A::Error> {
        let Some(verb) = map.next_key()? else {
            return Err(de::Error::custom("there is no action"));
        };
        let Named { index, id } = map.next_value::<Option<Named<'de>>>()?.unwrap_or_default();
        if map.next_key::<IgnoredAny>()?.is_some() {
            return Err(de::Error::custom("there are several actions"));
        }
        Ok(Action { verb, index, id })
    }
}

impl<'de> Deserialize<'de> for Verb {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Verb;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an action")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Verb, E> {
                let verbs = [Verb::Index, Verb::Create, Verb::Update, Verb::Delete];
                let verb = verbs.into_iter().find(|verb| verb.name() == name);
                verb.ok_or_else(|| E::custom("it is no action"))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// The parameters of an action, as far as they count here. Others, such as `_type` or `pipeline`, are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow, rename = "_index", deserialize_with = "text")]
    index: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "_id", deserialize_with = "text")]
    id: Option<Cow<'a, str>>,
}

/// Reads a text, without copying it where it has no escapes. A number counts as its text; anything else, and an empty
/// text, as nothing.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?.get();
    Ok(match raw.as_bytes() {
        [b'"', .., b'"'] if !raw.contains('\\') => Some(Cow::Borrowed(&raw[1..raw.len() - 1])),
        [b'"', ..] => serde_json::from_str(raw).ok().map(Cow::Owned),
        [b'0'..=b'9' | b'-', ..] => Some(Cow::Borrowed(raw)),
        _ => None,
    }
    .filter(|text| !text.is_empty()))
}
