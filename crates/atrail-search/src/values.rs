//! The values of fields, and everything that an event says.

use std::borrow::Cow;

use crate::json::{Paths, Raw, Reader, Scalar, Token, Visit, walk};
use crate::query::Field;
use crate::text::fold;

/// Returns the values of a field, decoded, as they are written and in the order of the line. Of a field with several
/// paths they are those of the first path that has one. Null is no value, and neither is an object or a list.
#[must_use]
pub fn values<'a>(line: &'a [u8], field: &Field) -> Vec<Cow<'a, str>> {
    Extractor::new([field]).read(line).pop().unwrap_or_default()
}

/// Some fields, prepared for many events.
#[derive(Debug)]
pub struct Extractor {
    paths: Paths,
    /// The numbers of each field's paths.
    fields: Vec<Vec<usize>>,
}

impl Extractor {
    /// Prepares fields.
    #[must_use]
    pub fn new<'f>(fields: impl IntoIterator<Item = &'f Field>) -> Self {
        let mut paths = Paths::default();
        let numbers = |field: &Field| field.paths.iter().map(|path| paths.add(path)).collect();
        let fields = fields.into_iter().map(numbers).collect();
        Self { paths, fields }
    }

    /// Returns the values of each field, as [`values`] does.
    #[must_use]
    pub fn read<'a>(&self, line: &'a [u8]) -> Vec<Vec<Cow<'a, str>>> {
        struct Found<'a>(Vec<Vec<Raw<'a>>>);
        impl<'a> Visit<'a> for Found<'a> {
            fn value(&mut self, path: usize, value: Raw<'a>) {
                self.0[path].push(value);
            }
        }
        let mut found = Found(vec![Vec::new(); self.paths.len()]);
        if self.paths.len() > 0 {
            walk(line, &self.paths, &mut found);
        }
        let first = |paths: &Vec<usize>| {
            let mut of_paths = paths.iter().map(|path| &found.0[*path]);
            of_paths.find(|values| !values.is_empty())
        };
        let decoded = |values: &Vec<Raw<'a>>| values.iter().map(|raw| raw.text()).collect();
        let of_field = |paths| first(paths).map(decoded).unwrap_or_default();
        self.fields.iter().map(of_field).collect()
    }
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<'a> {
    /// A value, decoded, not folded.
    Value(&'a str),
    /// An object. Its members follow with their own paths.
    Object,
}

/// Reads everything that is not null in an event, with its path as [`crate::query::Path::folded`] writes it. The
/// elements of a list have the path of the list.
pub fn each_value(line: &[u8], mut see: impl FnMut(&str, Seen<'_>)) {
    let mut path = String::new();
    // The length of the path at each open object or list, and whether it is a list.
    let mut levels: Vec<(usize, bool)> = Vec::new();
    for token in Reader::new(line) {
        match token {
            Token::Key(name) => {
                path.truncate(levels.last().map_or(0, |level| level.0));
                if levels.len() > 1 && !path_is_root(&levels) {
                    path.push('.');
                }
                path.push_str(&fold(&name.text()));
            }
            Token::Value(Scalar::Null) => {}
            Token::Value(Scalar::Text(raw) | Scalar::Plain(raw)) => {
                if !levels.is_empty() {
                    see(&path, Seen::Value(&raw.text()));
                }
            }
            Token::OpenObject => {
                if !levels.is_empty() {
                    see(&path, Seen::Object);
                }
                levels.push((path.len(), false));
            }
            Token::OpenList => levels.push((path.len(), true)),
            Token::Close => {
                let length = levels.pop().map_or(0, |level| level.0);
                path.truncate(length);
            }
        }
    }
}

/// Reports whether no name leads to the innermost object.
fn path_is_root(levels: &[(usize, bool)]) -> bool {
    levels[..levels.len() - 1]
        .iter()
        .all(|(_, is_list)| *is_list)
}

/// Reads every text in which words are searched: strings, the names of members, numbers, `true` and `false`; decoded,
/// not folded.
pub fn each_text(line: &[u8], mut see: impl FnMut(&str)) {
    for token in Reader::new(line) {
        match token {
            Token::Key(raw) | Token::Value(Scalar::Text(raw) | Scalar::Plain(raw)) => {
                see(&raw.text());
            }
            Token::Value(Scalar::Null) | Token::OpenObject | Token::OpenList | Token::Close => {}
        }
    }
}
