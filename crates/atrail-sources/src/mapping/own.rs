//! The mappings of an operator.

use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use toml::{Table, Value};

use super::{Mapping, Spec};

/// A mapping that an operator writes, in the form of the embedded ones.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct OwnMapping(pub(crate) Spec);

impl Serialize for OwnMapping {
    /// Writes what is as if it were written: no key that stands for its default.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = Table::try_from(&self.0).map_err(S::Error::custom)?;
        table.retain(|_, value| is_stated(value));
        table.serialize(serializer)
    }
}

/// Removes from a value what is a default, and returns whether anything is left.
fn is_stated(value: &mut Value) -> bool {
    match value {
        Value::Table(table) => {
            table.retain(|_, value| is_stated(value));
            !table.is_empty()
        }
        Value::Array(all) => {
            all.iter_mut().for_each(|value| {
                is_stated(value);
            });
            !all.is_empty()
        }
        Value::Boolean(is_set) => *is_set,
        _ => true,
    }
}

/// A fault in a mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mapping {number} (`{name}`): {place}: {reason}")]
pub struct MappingError {
    /// Its position, counted from 1.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Where in it the fault is.
    pub place: String,
    /// The fault.
    pub reason: String,
}

/// A fault in the text of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct MappingTextError {
    /// Its line, counted from 1.
    pub line: usize,
    /// The fault.
    pub message: String,
}

impl OwnMapping {
    /// Reads the mappings of a configuration: the tables `[[mapping]]` of a TOML text, of which it reads nothing else.
    ///
    /// # Errors
    /// When the text is not TOML, or a mapping is not in the form of one.
    pub fn all_in(text: &str) -> Result<Vec<Self>, MappingTextError> {
        #[derive(Deserialize)]
        struct Configuration {
            #[serde(default)]
            mapping: Vec<OwnMapping>,
        }
        let read = toml::from_str::<Configuration>(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            MappingTextError {
                line: text.get(..start).unwrap_or(text).matches('\n').count() + 1,
                message: error.message().trim().replace('\n', ", "),
            }
        });
        read.map(|configuration| configuration.mapping)
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Compiles it.
    pub(crate) fn compiled(&self, number: usize) -> Result<Mapping, MappingError> {
        Mapping::new(self.0.clone()).map_err(|(place, reason)| self.fault(number, &place, reason))
    }

    pub(crate) fn fault(&self, number: usize, place: &str, reason: String) -> MappingError {
        MappingError {
            number,
            name: self.0.name.clone(),
            place: place.to_owned(),
            reason,
        }
    }
}
