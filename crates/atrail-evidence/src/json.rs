//! JSON that is read strictly: no member twice, no depth beyond reason.

use std::collections::HashSet;
use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
};

/// How deep a text of evidence may be nested.
const MAX_DEPTH: u8 = 16;

/// Why a text was not understood.
#[derive(Debug, thiserror::Error)]
#[error("{what} is malformed")]
pub struct MalformedError {
    what: &'static str,
    #[source]
    why: serde_json::Error,
}

impl MalformedError {
    /// Both what and why, in one line.
    pub(crate) fn told(&self) -> String {
        format!("{self}: {}", self.why)
    }
}

/// What every text of evidence that stands alone begins with, whatever its version.
#[derive(serde::Deserialize)]
pub(crate) struct Head {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) version: u32,
}

/// The type and version of a text whose other members may be those of a later version.
pub(crate) fn head(text: &str, what: &'static str) -> Result<Head, MalformedError> {
    parse(text, what)
}

/// The member `type` of a text that is else not understood.
pub(crate) fn type_of(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        kind: String,
    }
    parse::<Typed>(text, "it").ok().map(|typed| typed.kind)
}

/// Reads a text; members that are not known are passed over.
pub(crate) fn parse<T: DeserializeOwned>(
    text: &str,
    what: &'static str,
) -> Result<T, MalformedError> {
    let parsed = check(text).and_then(|()| serde_json::from_str(text));
    parsed.map_err(|why| MalformedError { what, why })
}

/// Writes a text; what evidence consists of has no form that could fail.
pub(crate) fn to_text(thing: &impl serde::Serialize) -> String {
    serde_json::to_string(thing).expect("strings, numbers and lists of them are JSON")
}

fn check(text: &str) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Strict { depth: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Accepts any value in which no object has a member twice.
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

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
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
mod tests {
    use super::*;

    #[test]
    fn refuses_repeated_members_and_deep_nesting() {
        assert!(check(r#"{"a":[{"b":1,"c":null}],"b":{"a":1.5,"é":true}}"#).is_ok());
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"x":[{"a":1,"\u0061":1}]}"#,
            r#"{"a":1} "#.repeat(2).as_str(),
            "[".repeat(17).as_str(),
            "",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
        assert!(check(&deep).is_err());
        assert!(check(&deep[1..33]).is_ok());
    }
}
