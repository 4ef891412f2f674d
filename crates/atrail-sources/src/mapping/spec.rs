//! The form in which a mapping is written.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A mapping, as TOML says it. What is above its first section is one, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    /// Its name in requests and answers.
    pub(crate) name: String,
    /// It goes up when the mapping yields other events.
    #[serde(default = "first_version")]
    pub(crate) version: u32,
    /// The name of the product in messages.
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// A description in a few words.
    #[serde(default)]
    pub(crate) about: Option<String>,
    /// The features that identify it, in Markdown.
    #[serde(default)]
    pub(crate) marks: Option<String>,
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    #[serde(default)]
    pub(crate) media_types: Vec<String>,
    /// An object is in the format when all conditions of one of the lists hold.
    #[serde(default)]
    pub(crate) detect: Vec<Vec<String>>,
    /// Members of objects that are no events, and hold lists of them.
    #[serde(default)]
    pub(crate) lists: Vec<String>,
    /// Whether a carrier writes its objects around payloads, which count in their place when they are events.
    #[serde(default)]
    pub(crate) carries: bool,
    /// Members that are removed first from an event that is too long.
    #[serde(default)]
    pub(crate) trim: Vec<String>,
    #[serde(default)]
    pub(crate) event: Option<EventSpec>,
    #[serde(default)]
    pub(crate) initiator: ResourceSpec,
    #[serde(default)]
    pub(crate) target: ResourceSpec,
    #[serde(default)]
    pub(crate) observer: ResourceSpec,
}

const fn first_version() -> u32 {
    1
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EventSpec {
    #[serde(rename = "type")]
    pub(crate) kind: Alternatives,
    pub(crate) id: Alternatives,
    pub(crate) time: Alternatives,
    pub(crate) action: Alternatives,
    pub(crate) outcome: Alternatives,
    pub(crate) reason_type: Alternatives,
    pub(crate) reason_code: Alternatives,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ResourceSpec {
    pub(crate) id: Alternatives,
    #[serde(rename = "type")]
    pub(crate) kind: Alternatives,
    pub(crate) name: Alternatives,
    pub(crate) address: Alternatives,
    pub(crate) agent: Alternatives,
}

/// One or several ways to a value; the first that yields a text counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Alternatives {
    Many(Vec<Way>),
    One(Way),
}

impl Default for Alternatives {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Alternatives {
    pub(crate) fn ways(&self) -> &[Way] {
        match self {
            Self::Many(ways) => ways,
            Self::One(way) => std::slice::from_ref(way),
        }
    }
}

/// A way to a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Way {
    /// The text at a path.
    Path(String),
    Full(Box<Full>),
}

impl<'de> Deserialize<'de> for Way {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfWay;
        impl<'de> Visitor<'de> for OfWay {
            type Value = Way;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path or a table with path, join or const")
            }

            fn visit_str<E: Error>(self, path: &str) -> Result<Way, E> {
                Ok(Way::Path(path.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Way, A::Error> {
                let full = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Way::Full(Box::new(full)))
            }
        }
        deserializer.deserialize_any(OfWay)
    }
}

impl<'de> Deserialize<'de> for Alternatives {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfAlternatives;
        impl<'de> Visitor<'de> for OfAlternatives {
            type Value = Alternatives;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, a table with path, join or const, or a list of these")
            }

            fn visit_str<E: Error>(self, path: &str) -> Result<Alternatives, E> {
                Ok(Alternatives::One(Way::Path(path.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Alternatives, A::Error> {
                let full = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Alternatives::One(Way::Full(Box::new(full))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Alternatives, A::Error> {
                let mut ways = Vec::new();
                while let Some(way) = seq.next_element()? {
                    ways.push(way);
                }
                Ok(Alternatives::Many(ways))
            }
        }
        deserializer.deserialize_any(OfAlternatives)
    }
}

/// A source, of which there must be one, and the functions that change its text, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Full {
    /// The text at this path.
    pub(crate) path: Option<String>,
    /// The texts of several ways, of which none may be missing, with `with` between them.
    pub(crate) join: Option<Vec<Way>>,
    pub(crate) with: Option<String>,
    /// This text.
    #[serde(rename = "const")]
    pub(crate) constant: Option<String>,
    /// The unit of a time.
    #[serde(rename = "as")]
    pub(crate) unit: Option<String>,
    /// The text after the last of these characters.
    pub(crate) last: Option<String>,
    /// The text before the first of these characters.
    pub(crate) first: Option<String>,
    /// Whether the text becomes lowercase.
    pub(crate) lower: bool,
    /// The text must be, or match, one of these (`*` stands for any text).
    pub(crate) is: Option<OneOrMany>,
    /// The text must not match any of these.
    pub(crate) not: Option<OneOrMany>,
    /// Of a line of comma-separated values, the field at this position.
    pub(crate) csv: Option<usize>,
    /// Other texts by patterns; a text without one is none.
    pub(crate) words: Option<BTreeMap<String, String>>,
    /// The action of CADF that the first word means.
    pub(crate) verbs: bool,
    /// The outcome that a status means: of `http` or `grpc`.
    pub(crate) status: Option<String>,
    /// This text in place of any.
    pub(crate) then: Option<String>,
    /// This text before it.
    pub(crate) before: Option<String>,
    /// This text after it.
    pub(crate) after: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}
