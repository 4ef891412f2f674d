//! What an index keeps of a line: the values of its fields and its time, and on the way its texts.
//!
//! A field has a value when the event has exactly one scalar at its path. Where there is more, or an object, the field is
//! unusual, and the line decides.

use super::columns::{FIELDS, path_of};
use crate::json::{Paths, Raw, Visit, walk};
use crate::query::Path;

/// What an event has at a field's path.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Found<'a> {
    #[default]
    Nothing,
    Value(Raw<'a>),
    /// Several values, or an object.
    Unusual,
}

/// What an index keeps of a line.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// The last `eventTime`, when it is a string.
    pub(super) time: Option<Raw<'a>>,
    /// By the numbers of fields.
    pub(super) fields: [Found<'a>; FIELDS],
}

/// Returns the paths of the fields, whose numbers are those of the fields.
pub(super) fn paths() -> Paths {
    let mut paths = Paths::default();
    for field in 0..FIELDS {
        let names = path_of(field).iter().map(|name| (*name).to_owned());
        let number = paths.add(&Path(names.collect()));
        assert_eq!(number, field, "no two fields have one path");
    }
    paths
}

/// Reads a line. `text` gets each name, string, number, `true` and `false`.
pub(super) fn facts<'a>(line: &'a [u8], paths: &Paths, text: impl FnMut(Raw<'a>)) -> Facts<'a> {
    let mut look = Look {
        facts: Facts {
            time: None,
            fields: [Found::Nothing; FIELDS],
        },
        text,
    };
    walk(line, paths, &mut look);
    look.facts
}

struct Look<'a, F> {
    facts: Facts<'a>,
    text: F,
}

impl<'a, F: FnMut(Raw<'a>)> Visit<'a> for Look<'a, F> {
    fn wants_text(&self) -> bool {
        true
    }

    fn value(&mut self, path: usize, value: Raw<'a>) {
        let found = &mut self.facts.fields[path];
        *found = match found {
            Found::Nothing => Found::Value(value),
            Found::Value(_) | Found::Unusual => Found::Unusual,
        };
    }

    fn object(&mut self, path: usize) {
        self.facts.fields[path] = Found::Unusual;
    }

    fn text(&mut self, text: Raw<'a>) {
        (self.text)(text);
    }

    fn event_time(&mut self, time: Option<Raw<'a>>) {
        self.facts.time = time;
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::{COLUMNS, ID};
    use super::*;

    fn value(line: &str, column: &str) -> Option<String> {
        let field = COLUMNS.iter().position(|known| known.name == column);
        let facts = facts(line.as_bytes(), &paths(), |_| {});
        match facts.fields[field.unwrap_or(ID)] {
            Found::Nothing => None,
            Found::Value(raw) => Some(raw.text().into_owned()),
            Found::Unusual => Some("UNUSUAL".to_owned()),
        }
    }

    #[test]
    fn a_field_has_the_one_scalar_at_its_path() {
        for (line, column, expected) in [
            (r#"{"action":"read"}"#, "action", Some("read")),
            (r#" { "ACTION" : "read" } "#, "action", Some("read")),
            (r#"{"\u0061ction":"\u0072e\/ad"}"#, "action", Some("re/ad")),
            (r#"{"action":null,"x":[1,{"action":"no"}]}"#, "action", None),
            (r#"{"action":"a","action":"b"}"#, "action", Some("UNUSUAL")),
            (r#"{"action":["a"]}"#, "action", Some("a")),
            (r#"{"action":{}}"#, "action", Some("UNUSUAL")),
            (r#"{"action":{},"action":"a"}"#, "action", Some("UNUSUAL")),
            (r#"{"action":"a","action":{}}"#, "action", Some("UNUSUAL")),
            (
                r#"{"reason":{"reasonCode":403}}"#,
                "reason_code",
                Some("403"),
            ),
            (
                r#"{"reason.reasoncode":-1.5e3}"#,
                "reason_code",
                Some("-1.5e3"),
            ),
            (
                r#"{"initiator":{"host.address":"::1"}}"#,
                "initiator_address",
                Some("::1"),
            ),
            (
                r#"{"initiator":[{"id":"a"},{"id":"b"}]}"#,
                "initiator_id",
                Some("UNUSUAL"),
            ),
            (r#"{"initiator":"x","id":"7"}"#, "id", Some("7")),
        ] {
            assert_eq!(value(line, column).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn the_time_is_the_last_one_of_the_event_itself() {
        for (line, expected) in [
            (r#"{"eventTime":"a","x":{"eventTime":"b"}}"#, Some("a")),
            (r#"{"eventTime":"a","event\u0054ime":"b"}"#, Some("b")),
            (r#"{"EventTime":"a"}"#, None),
        ] {
            let time = facts(line.as_bytes(), &paths(), |_| {}).time;
            assert_eq!(time.map(|time| time.text()).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn every_name_and_scalar_is_text() {
        let mut texts = Vec::new();
        let line = r#"{"a":[1,"b",{"c":true}],"d":null,"e":"f\n"}"#;
        facts(line.as_bytes(), &paths(), |text| texts.push(text.text()));
        assert_eq!(texts, ["a", "1", "b", "c", "true", "d", "e", "f\n"]);
    }
}
