//! Walks through the elements of a JSON array, without a copy and without a list of them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use atrail_sources::{Hints, Payload};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Fault, Take, json};

/// Receives an event, and returns whether it wants more.
pub(crate) type Pass<'p, 't> = &'p mut dyn FnMut(&'t RawValue) -> bool;

/// Finds the events of a text, and passes them on.
pub(crate) type Walk = for<'p, 't> fn(&'t str, Pass<'p, 't>) -> Result<(), Fault>;

/// Passes on as payloads what `walk` finds in a body. Bytes that are not UTF-8 become U+FFFD: a refusal would cost all of
/// the body.
pub(crate) fn payloads<'a>(body: &'a [u8], take: Take<'_, 'a>, walk: Walk) -> Result<(), Fault> {
    match json::text(body) {
        Cow::Borrowed(text) => walk(text, &mut |event| {
            take(payload(event.get().as_bytes().into())).is_continue()
        }),
        Cow::Owned(text) => walk(&text, &mut |event| {
            take(payload(event.get().as_bytes().to_vec().into())).is_continue()
        }),
    }
}

/// Returns a payload about which nothing else is known.
pub(crate) fn payload(text: Cow<'_, [u8]>) -> Payload<'_> {
    Payload {
        text,
        hints: Hints::default(),
    }
}

/// Passes each element of an array on, in order, until the function wants no more. Returns whether it still does. An
/// element is read as what the function takes, in the same pass over the text.
pub(crate) fn each<'a, T: Deserialize<'a>>(
    array: &'a RawValue,
    mut pass: impl FnMut(T) -> Result<bool, Fault>,
) -> Result<bool, Fault> {
    let mut end = None;
    let elements = Elements {
        pass: &mut pass,
        end: &mut end,
        element: PhantomData,
    };
    let mut reader = serde_json::Deserializer::from_str(array.get());
    let walked = reader.deserialize_seq(elements);
    match (end, walked) {
        (Some(end), _) => end.map(|()| false),
        (None, walked) => walked.map(|()| true).map_err(|error| Fault::json(&error)),
    }
}

struct Elements<'e, T, F> {
    pass: F,
    /// Why the walk ended before the array did: the function wants no more, or failed.
    end: &'e mut Option<Result<(), Fault>>,
    element: PhantomData<T>,
}

impl<'a, T, F> Visitor<'a> for Elements<'_, T, F>
where
    T: Deserialize<'a>,
    F: FnMut(T) -> Result<bool, Fault>,
{
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
