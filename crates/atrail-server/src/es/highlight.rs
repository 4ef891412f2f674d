//! Marks in a hit what made it match.

use std::ops::Range;

use atrail_search::ValueTest;
use atrail_search::query::{Expr, Path, Pattern, Test};
use atrail_search::text::{fold, words};
use serde_json::{Map, Value, json};

use super::fields::matches;
use super::json::{any_object, object, one_or_more, string};
use super::refusal::Refusal;

/// Longest value that is marked, in bytes.
const VALUE_MAX_BYTES: usize = 32 << 10;

/// How matches are marked.
#[derive(Debug, Clone)]
pub(crate) struct Marks {
    before: String,
    after: String,
    /// Names of fields, with `*`.
    patterns: Vec<String>,
}

impl Marks {
    /// Reads the settings of a request. A value is always answered whole.
    pub(super) fn read(value: &Value) -> Result<Self, Refusal> {
        let known = [
            "fields",
            "pre_tags",
            "post_tags",
            "fragment_size",
            "number_of_fragments",
            "require_field_match",
            "type",
            "encoder",
            "order",
        ];
        let members = object(value, "highlight", &known)?;
        if members
            .get("encoder")
            .is_some_and(|encoder| encoder != "default")
        {
            return Err(Refusal::illegal(
                "[highlight] [encoder] is only supported as default",
            ));
        }
        let tag = |name: &str, default: &str| match members.get(name).map(one_or_more) {
            None | Some([]) => Ok(default.to_owned()),
            Some([first, ..]) => string(first, name).map(str::to_owned),
        };
        let mut patterns = Vec::new();
        for fields in members.get("fields").map(one_or_more).unwrap_or_default() {
            patterns.extend(any_object(fields, "highlight.fields")?.keys().cloned());
        }
        Ok(Self {
            before: tag("pre_tags", "<em>")?,
            after: tag("post_tags", "</em>")?,
            patterns,
        })
    }
}

/// Finds what of a query's conditions a hit fulfils.
#[derive(Debug)]
pub(crate) struct Marker {
    marks: Marks,
    /// Words side by side, anywhere.
    phrases: Vec<Vec<ValueTest>>,
    /// Values of fields: the field's paths, folded, and the test.
    tests: Vec<(Vec<String>, ValueTest)>,
}

impl Marker {
    pub(crate) fn new(marks: Marks, expr: &Expr) -> Self {
        let mut marker = Self {
            marks,
            phrases: Vec::new(),
            tests: Vec::new(),
        };
        marker.add(expr);
        marker
    }

    fn add(&mut self, expr: &Expr) {
        match expr {
            Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| self.add(part)),
            Expr::Text(phrase) => {
                let word = |pattern: &Pattern| ValueTest::new(&Test::Like(pattern.clone()));
                self.phrases.push(phrase.iter().map(word).collect());
            }
            Expr::Is(field, test) => {
                let paths = field.paths.iter().map(Path::folded).collect();
                self.tests.push((paths, ValueTest::new(test)));
            }
            // What must not be there is nowhere, and what is only there has no text.
            Expr::All | Expr::Not(_) | Expr::Exists(_) | Expr::Time(_) => {}
        }
    }

    /// Returns the marked values by the names of their fields; `None` when there are none.
    pub(crate) fn marked(&self, line: &[u8]) -> Option<Value> {
        if self.phrases.is_empty() && self.tests.is_empty() {
            return None;
        }
        let event: Value = serde_json::from_slice(line).ok()?;
        let mut marked = Map::new();
        self.walk(&event, &mut String::new(), &mut marked);
        (!marked.is_empty()).then_some(Value::Object(marked))
    }

    fn walk(&self, value: &Value, path: &mut String, marked: &mut Map<String, Value>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let length = path.len();
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    self.walk(value, path, marked);
                    path.truncate(length);
                }
            }
            Value::Array(all) => all.iter().for_each(|value| self.walk(value, path, marked)),
            Value::String(text) if text.len() <= VALUE_MAX_BYTES => {
                if !self
                    .marks
                    .patterns
                    .iter()
                    .any(|pattern| matches(pattern, path))
                {
                    return;
                }
                let ranges = self.ranges(text, path);
                if !ranges.is_empty() {
                    let entry = marked.entry(path.clone()).or_insert_with(|| json!([]));
                    if let Value::Array(all) = entry {
                        all.push(self.with_marks(text, &ranges).into());
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns the parts of a value that are marked, in their order, none overlapping another.
    fn ranges(&self, text: &str, path: &str) -> Vec<Range<usize>> {
        let path = fold(path);
        for (paths, test) in &self.tests {
            let is_whole = paths.iter().any(|one| *one == path) && test.matches(text);
            if is_whole && !text.is_empty() {
                return std::iter::once(0..text.len()).collect();
            }
        }
        if self.phrases.is_empty() {
            return Vec::new();
        }
        let folded = fold(text);
        let found: Vec<_> = words(&folded).collect();
        let mut is_marked = vec![false; found.len()];
        for phrase in self.phrases.iter().filter(|phrase| !phrase.is_empty()) {
            for start in 0..found.len() {
                let Some(side_by_side) = found.get(start..start + phrase.len()) else {
                    break;
                };
                let fits = side_by_side.iter().zip(phrase).all(|(word, test)| {
                    test.matches(word.text) || word.short.is_some_and(|short| test.matches(short))
                });
                if fits {
                    is_marked[start..start + phrase.len()].fill(true);
                }
            }
        }
        let marked = found
            .iter()
            .zip(is_marked)
            .filter(|(_, is_marked)| *is_marked);
        // Folding keeps the number of characters, not that of bytes.
        let mut bounds = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let mut at_folded = folded
            .char_indices()
            .map(|(at, _)| at)
            .chain([folded.len()]);
        let mut original = |wanted: usize| {
            loop {
                let (at, original) = (at_folded.next()?, bounds.next()?);
                if at >= wanted {
                    return Some(original);
                }
            }
        };
        let mut ranges = Vec::new();
        for (word, _) in marked {
            let start = word.text.as_ptr().addr() - folded.as_ptr().addr();
            let (Some(from), Some(to)) = (original(start), original(start + word.text.len()))
            else {
                break;
            };
            ranges.push(from..to);
        }
        ranges
    }

    fn with_marks(&self, text: &str, ranges: &[Range<usize>]) -> String {
        let mut marked = String::with_capacity(text.len() + 32 * ranges.len());
        let mut written = 0;
        for range in ranges {
            marked.push_str(&text[written..range.start]);
            marked.push_str(&self.marks.before);
            marked.push_str(&text[range.clone()]);
            marked.push_str(&self.marks.after);
            written = range.end;
        }
        marked.push_str(&text[written..]);
        marked
    }
}
