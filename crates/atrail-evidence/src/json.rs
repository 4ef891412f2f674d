//! JSON as `docs/EVIDENCE.md` defines it: one form for each value, so that every verifier reads the same.

mod exact;

use std::collections::HashSet;
use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
};

use exact::Exact;

/// Deepest nesting of a text of evidence.
const MAX_DEPTH: u8 = 16;

/// Why a text could not be parsed.
#[derive(Debug, thiserror::Error)]
#[error("{what} is malformed")]
pub struct MalformedError {
    what: &'static str,
    #[source]
    why: serde_json::Error,
}

impl MalformedError {
    /// Returns the error for a text that is JSON but has the wrong content.
    pub(crate) fn new(what: &'static str, why: impl fmt::Display) -> Self {
        Self {
            what,
            why: de::Error::custom(why),
        }
    }

    /// Returns both the object and the reason, in one line.
    pub(crate) fn told(&self) -> String {
        format!("{self}: {}", self.why)
    }
}

/// The members with which every independent text of evidence begins, in any version.
#[derive(serde::Deserialize)]
pub(crate) struct Head {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) version: u32,
}

/// A text in the one form of JSON, not yet parsed.
#[derive(Clone, Copy)]
pub(crate) struct Json<'t> {
    text: &'t str,
    what: &'static str,
}

impl<'t> Json<'t> {
    /// Checks the form of a text; `what` names it in errors.
    pub(crate) fn new(text: &'t str, what: &'static str) -> Result<Self, MalformedError> {
        match check(text) {
            Ok(()) => Ok(Self { text, what }),
            Err(why) => Err(MalformedError { what, why }),
        }
    }

    /// Parses the text; ignores unknown members.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, MalformedError> {
        let mut deserializer = serde_json::Deserializer::from_str(self.text);
        T::deserialize(Exact(&mut deserializer)).map_err(|why| MalformedError {
            what: self.what,
            why,
        })
    }

    /// Returns its member `type`, whatever the other members are.
    pub(crate) fn kind(self) -> Result<String, MalformedError> {
        #[derive(serde::Deserialize)]
        struct Typed {
            #[serde(rename = "type")]
            kind: String,
        }
        self.read::<Typed>().map(|typed| typed.kind)
    }
}

/// Checks the form of a text and parses it.
pub(crate) fn parse<T: DeserializeOwned>(
    text: &str,
    what: &'static str,
) -> Result<T, MalformedError> {
    Json::new(text, what)?.read()
}

/// Serializes a value; no type of evidence has a value that fails.
pub(crate) fn to_text(thing: &impl serde::Serialize) -> String {
    serde_json::to_string(thing).expect("strings, numbers and lists of them are JSON")
}

fn check(text: &str) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Strict { depth: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Accepts any value in which no object has a duplicate member and every number is an integer.
#[derive(Clone, Copy)]
struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom("nested too deep"));
        }
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    /// Receives every number that is not a 64-bit integer: `1.0`, `1e3`, `-0`, and any that is too large.
    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Err(E::custom("a number that is no whole one of 64 bits"))
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if let Some(name) = seen.replace(name) {
                let shown: String = name.chars().take(40).collect();
                return Err(de::Error::custom(format!("member {shown:?} stands twice")));
            }
            map.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
