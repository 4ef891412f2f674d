//! JSON bodies, read strictly.
//!
//! A type with serde's derived `Deserialize` also reads itself from an array, member by member in the order of its
//! fields: where all members are optional, `[]` then means "everything by default". And when an object has a member
//! twice, most readers use one or the other. Here only an object counts as an object, at every depth, and a duplicate
//! member is an error.

use std::collections::HashSet;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    self, Deserialize, DeserializeOwned, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use crate::error::ApiError;

type Error = de::value::Error;

/// Parses a body that is one JSON object.
pub(crate) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let value: Json = serde_json::from_slice(body).map_err(|error| {
        ApiError::bad_request(format!("the body is not what this call expects: {error}"))
    })?;
    if !matches!(value, Json::Object(_)) {
        return Err(ApiError::bad_request(format!(
            "the body must be a JSON object, but it is {}",
            value.kind()
        )));
    }
    T::deserialize(value).map_err(|error| {
        ApiError::bad_request(format!("the body is not what this call expects: {error}"))
    })
}

/// A JSON value whose objects have no duplicate members.
#[derive(Debug)]
enum Json {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Unsigned(_) | Self::Signed(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = array.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        let mut names = HashSet::new();
        while let Some((name, value)) = object.next_entry::<String, Json>()? {
            if !names.insert(name.clone()) {
                return Err(de::Error::custom(format_args!(
                    "the member {name:?} occurs twice"
                )));
            }
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}

impl IntoDeserializer<'_, Error> for Json {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Json {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Unsigned(value) => visitor.visit_u64(value),
            Self::Signed(value) => visitor.visit_i64(value),
            Self::Float(value) => visitor.visit_f64(value),
            Self::Text(value) => visitor.visit_string(value),
            Self::Array(values) => {
                SeqDeserializer::new(values.into_iter()).deserialize_any(visitor)
            }
            Self::Object(members) => {
                MapDeserializer::new(members.into_iter()).deserialize_any(visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Object(_) => self.deserialize_any(visitor),
            other => Err(de::Error::custom(format_args!(
                "expected an object, but found {}",
                other.kind()
            ))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Text(word) => {
                let word: de::value::StringDeserializer<Error> = word.into_deserializer();
                word.deserialize_enum(name, variants, visitor)
            }
            other => Err(de::Error::custom(format_args!(
                "expected a word, but found {}",
                other.kind()
            ))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        start: Option<String>,
        days: Option<i64>,
        inner: Option<Inner>,
        words: Option<Vec<Word>>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        guid: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Read,
    }

    fn read(body: &str) -> Result<Outer, String> {
        object(body.as_bytes()).map_err(|error| error.chain())
    }

    #[test]
    fn an_object_is_read_as_it_says() {
        assert_eq!(read(" {} \n"), Ok(Outer::default()));
        let body =
            r#"{"start":"é\u0041","days":-1,"inner":{"guid":null,"more":[1.5]},"words":["read"]}"#;
        let expected = Outer {
            start: Some("éA".to_owned()),
            days: Some(-1),
            inner: Some(Inner { guid: None }),
            words: Some(vec![Word::Read]),
        };
        assert_eq!(read(body), Ok(expected));
        // The control: the library itself reads members by position.
        assert!(serde_json::from_str::<Outer>(r#"["x",1,[null],[]]"#).is_ok());
    }

    #[test]
    fn another_shape_is_refused_at_every_depth() {
        for (body, message) in [
            ("[]", "must be a JSON object, but it is an array"),
            (r#"["x",1]"#, "must be a JSON object, but it is an array"),
            ("null", "but it is null"),
            ("7", "but it is a number"),
            (r#""start""#, "but it is a string"),
            (
                r#"{"inner":["g"]}"#,
                "expected an object, but found an array",
            ),
            (r#"{"inner":"g"}"#, "expected an object, but found a string"),
            (r#"{"words":{"read":1}}"#, "invalid type: map"),
            (r#"{"words":[{"read":null}]}"#, "expected a word"),
            (r#"{"days":"1"}"#, "invalid type: string"),
            (r#"{"days":1.0}"#, "invalid type: floating point"),
            (r#"{"day":1}"#, "unknown field `day`"),
            (
                r#"{"start":"a","start":"b"}"#,
                r#"the member "start" occurs twice"#,
            ),
            (
                r#"{"inner":{"x":1,"\u0078":2}}"#,
                r#"the member "x" occurs twice"#,
            ),
            ("{} {}", "trailing characters"),
            ("{", "EOF"),
            ("", "EOF"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(message), "{body}: {error}");
        }
        let deep = "[".repeat(10_000);
        assert!(read(&deep).unwrap_err().contains("recursion limit"));
    }
}
