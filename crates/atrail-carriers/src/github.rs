//! GitHub's webhooks (docs.github.com/webhooks): the event's name and its delivery are headers, and the body is the
//! payload, in JSON or in the field `payload` of a form.

use std::borrow::Cow;

use atrail_sources::{Hints, Payload};
use serde_json::value::RawValue;

use crate::{Fault, json};

/// Returns the payload of a delivery:
/// `{"github_event":"repository","github_delivery":"GUID","payload":{…}}`. The delivery's GUID is the event's id: GitHub
/// uses it again when somebody redelivers.
///
/// # Errors
/// When the body is not JSON, or a form without a `payload`.
pub fn delivery<'a>(
    event: &str,
    delivery: &'a str,
    media_type: &str,
    body: &'a [u8],
) -> Result<Payload<'a>, Fault> {
    let is_form = media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let body = match form_payload(body) {
        Some(payload) if is_form => Cow::Owned(payload),
        _ => json::text(body),
    };
    let payload: &RawValue = serde_json::from_str(&body).map_err(|error| Fault::json(&error))?;
    let mut out = Vec::with_capacity(payload.get().len() + 128);
    out.push(b'{');
    for (name, value) in [("github_event", event), ("github_delivery", delivery)] {
        json::name(&mut out, name);
        json::string(&mut out, value);
    }
    json::name(&mut out, "payload");
    out.extend_from_slice(payload.get().as_bytes());
    out.push(b'}');
    Ok(Payload {
        text: out.into(),
        hints: Hints {
            id: (!delivery.is_empty()).then_some(Cow::Borrowed(delivery)),
            source: Some("github".into()),
            ..Hints::default()
        },
    })
}

/// Returns the field `payload` of a form.
fn form_payload(body: &[u8]) -> Option<String> {
    let mut fields = form_urlencoded::parse(body);
    let (_, payload) = fields.find(|(name, _)| name == "payload")?;
    Some(payload.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_forms_become_the_same_payload() {
        let json = r#"{"action":"deleted","x":"a+b&c é"}"#;
        let form = "payload=%7B%22action%22%3A%22deleted%22%2C%22x%22%3A%22a%2Bb%26c+%C3%A9%22%7D";
        let expected =
            format!(r#"{{"github_event":"repository","github_delivery":"d-1","payload":{json}}}"#);
        for (media_type, body) in [
            ("application/json", json),
            ("application/x-www-form-urlencoded", form),
            ("application/x-www-form-urlencoded", json),
            ("", json),
        ] {
            let made = delivery("repository", "d-1", media_type, body.as_bytes()).unwrap();
            assert_eq!(std::str::from_utf8(&made.text), Ok(expected.as_str()));
            assert_eq!(made.hints.id.as_deref(), Some("d-1"));
        }
        for (media_type, body) in [
            ("application/json", form),
            ("application/x-www-form-urlencoded", "payload=%7B"),
            ("application/json", ""),
            ("application/json", "{} {}"),
        ] {
            assert!(delivery("ping", "d", media_type, body.as_bytes()).is_err());
        }
    }
}
