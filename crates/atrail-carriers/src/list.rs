//! Walks through the elements of a JSON array, without a copy and without a list of them.

use std::fmt;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::Fault;

/// Passes each element of an array on, in order, until the function wants no more. Returns whether it still does.
pub(crate) fn each<'a>(
    array: &'a RawValue,
    mut pass: impl FnMut(&'a RawValue) -> Result<bool, Fault>,
) -> Result<bool, Fault> {
    let mut end = None;
    let elements = Elements {
        pass: &mut pass,
        end: &mut end,
    };
    let mut reader = serde_json::Deserializer::from_str(array.get());
    let walked = reader.deserialize_seq(elements);
    match (end, walked) {
        (Some(end), _) => end.map(|()| false),
        (None, walked) => walked.map(|()| true).map_err(|error| Fault::json(&error)),
    }
}

struct Elements<'e, F> {
    pass: F,
    /// Why the walk ended before the array did: the function wants no more, or failed.
    end: &'e mut Option<Result<(), Fault>>,
}

impl<'a, F: FnMut(&'a RawValue) -> Result<bool, Fault>> Visitor<'a> for Elements<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut array: A) -> Result<(), A::Error> {
        while let Some(element) = array.next_element()? {
            let end = match (self.pass)(element) {
                Ok(true) => continue,
                Ok(false) => Ok(()),
                Err(fault) => Err(fault),
            };
            *self.end = Some(end);
            return Err(A::Error::custom("the walk ended"));
        }
        Ok(())
    }
}
