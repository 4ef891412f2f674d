//! Reads JSON values whose every member must be known.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// Returns the members of an object, of which none may be unknown. `what` names the object for people.
pub(super) fn object<'a>(
    value: &'a Value,
    what: &str,
    known: &[&str],
) -> Result<&'a Map<String, Value>, Refusal> {
    let members = any_object(value, what)?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Refusal::parsing(format!(
            "[{what}] does not support [{name}]"
        ))),
        None => Ok(members),
    }
}

/// Returns the members of an object.
pub(super) fn any_object<'a>(
    value: &'a Value,
    what: &str,
) -> Result<&'a Map<String, Value>, Refusal> {
    value
        .as_object()
        .ok_or_else(|| Refusal::parsing(format!("[{what}] must be an object")))
}

/// Returns the only member of an object.
pub(super) fn only<'a>(value: &'a Value, what: &str) -> Result<(&'a str, &'a Value), Refusal> {
    let mut members = any_object(value, what)?.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        _ => Err(Refusal::parsing(format!(
            "[{what}] must have exactly one member"
        ))),
    }
}

/// Returns the elements of a list; a value that is no list is a list of one element.
pub(super) fn one_or_more(value: &Value) -> &[Value] {
    match value {
        Value::Array(all) => all,
        one => std::slice::from_ref(one),
    }
}

/// Returns a text; numbers, true and false stand for their texts.
pub(super) fn text(value: &Value, what: &str) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(Refusal::parsing(format!(
            "[{what}] must be a string, a number, true or false"
        ))),
    }
}

/// Returns a text that is one.
pub(super) fn string<'a>(value: &'a Value, what: &str) -> Result<&'a str, Refusal> {
    value
        .as_str()
        .ok_or_else(|| Refusal::parsing(format!("[{what}] must be a string")))
}

/// Returns a whole number from 0 on; it may come as a text.
pub(super) fn count(value: &Value, what: &str) -> Result<u64, Refusal> {
    whole(value)
        .and_then(|number| u64::try_from(number).ok())
        .ok_or_else(|| Refusal::parsing(format!("[{what}] must be a whole number, 0 or greater")))
}

/// Returns a number; it may come as a text.
pub(super) fn number(value: &Value, what: &str) -> Result<f64, Refusal> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| Refusal::parsing(format!("[{what}] must be a number")))
}

/// Returns the whole number that a value is, also as a text or as a floating-point number.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the number has no fraction and lies within the type"
)]
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let number = number.as_f64()?;
            (number.fract() == 0.0 && number.abs() < 9e18).then_some(number as i64)
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Returns true or false; either may come as a text.
pub(super) fn truth(value: &Value, what: &str) -> Result<bool, Refusal> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        _ => Err(Refusal::parsing(format!("[{what}] must be true or false"))),
    }
}
