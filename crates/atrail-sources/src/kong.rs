//! Log-plugin events of the Kong gateway, as its HTTP, TCP, UDP and file log plugins write them: one object per proxied
//! request, or per proxied stream, which has a `session` in the request's place.
//!
//! | CADF | from Kong |
//! |---|---|
//! | `id` | `request.id`, which older gateways do not write; then one is added as to any event |
//! | `eventTime` | `started_at`, milliseconds since 1970 |
//! | `action` | `request.method`, by the verbs of the CADF Action Taxonomy |
//! | `outcome`, `reason` | `response.status`; of a stream `session.status` |
//! | `initiator` | `consumer`, else `authenticated_entity`, else the address; `client_ip`; the `user-agent` header |
//! | `target` | `service`, else `route`, else the gateway itself; `request.url` |
//! | `attachments` | the event's own text, unchanged |

use std::borrow::Cow;

use atrail_model::{Timestamp, format_timestamp};
use serde::Serialize;

use crate::Reason;
use crate::members::{members, string};

/// Whether a JSON object is one of these events: a request or stream that began, what became of it, and no CADF. (A plugin
/// that was told to leave members out may have left out one of those that say what became of it.)
pub(crate) fn detect(text: &[u8]) -> bool {
    let names = [
        "started_at",
        "request",
        "session",
        "latencies",
        "response",
        "eventTime",
    ];
    match members(text, names) {
        Ok([Some(_), request, session, latencies, response, None]) => {
            let is_object = |raw: &str| raw.starts_with('{');
            request.or(session).is_some_and(is_object)
                && (latencies.is_some_and(is_object) || response.is_some_and(is_object))
        }
        _ => false,
    }
}

/// The event as CADF.
pub(crate) fn convert(text: &[u8]) -> Result<Vec<u8>, Reason> {
    let original = std::str::from_utf8(text).map_err(|_| refuse("it is not UTF-8"))?;
    let [
        started_at,
        request,
        response,
        session,
        service,
        route,
        consumer,
        entity,
        client_ip,
    ] = members(
        text,
        [
            "started_at",
            "request",
            "response",
            "session",
            "service",
            "route",
            "consumer",
            "authenticated_entity",
            "client_ip",
        ],
    )
    .map_err(|error| refuse(&error.to_string()))?;
    let event_time = started_at
        .and_then(millis)
        .and_then(|millis| Timestamp::from_millisecond(millis).ok())
        .ok_or_else(|| refuse("started_at must be the milliseconds since 1970"))?;

    let [id, method, url, uri, headers] =
        object(request, ["id", "method", "url", "uri", "headers"])
            .or(session.map(|_| Default::default()))
            .ok_or_else(|| refuse("request must be an object"))?;
    let [status] = object(response.or(session), ["status"]).unwrap_or_default();
    let [agent] = object(headers, ["user-agent"]).unwrap_or_default();
    let status = status.and_then(|raw| raw.trim_matches('"').parse::<u16>().ok());

    let event = Event {
        type_uri: "http://schemas.dmtf.org/cloud/audit/1.0/event",
        event_type: "activity",
        id: id.and_then(string).filter(|id| !id.is_empty()),
        event_time: format_timestamp(event_time),
        action: action(method.and_then(string).as_deref()),
        outcome: outcome(status),
        reason: status.map(|code| HttpReason {
            reason_type: "HTTP",
            reason_code: code.to_string(),
        }),
        initiator: initiator(
            consumer,
            entity,
            client_ip.and_then(string),
            agent.and_then(text_or_first),
        ),
        target: target(service, route, url.and_then(string)),
        observer: KONG,
        request_path: uri.and_then(string),
        attachments: [Attachment {
            type_uri: "mime:application/json",
            name: "kong",
            content: original,
        }],
    };
    serde_json::to_vec(&event).map_err(|error| refuse(&error.to_string()))
}

fn refuse(problem: &str) -> Reason {
    Reason::NotConverted {
        format: "Kong",
        problem: problem.to_owned(),
    }
}

/// Some members of what should be an object.
fn object<'a, const N: usize>(
    raw: Option<&'a str>,
    names: [&'static str; N],
) -> Option<[Option<&'a str>; N]> {
    members(raw?.as_bytes(), names).ok()
}

/// Milliseconds; some gateways write a fraction of them, which is the noise of their arithmetic.
fn millis(raw: &str) -> Option<i64> {
    let fraction = || {
        let millis: f64 = serde_json::from_str(raw).ok()?;
        // Far inside the range of whole numbers that an f64 holds exactly.
        (millis.abs() < 1e15).then_some(millis.round() as i64)
    };
    raw.parse().ok().or_else(fraction)
}

/// A header: a text or, of one that was sent several times, an array of them.
fn text_or_first(raw: &str) -> Option<Cow<'_, str>> {
    string(raw).or_else(|| {
        let all: Vec<String> = serde_json::from_str(raw).ok()?;
        all.into_iter().next().map(Cow::Owned)
    })
}

/// The method as a verb of the CADF Action Taxonomy.
fn action(method: Option<&str>) -> &'static str {
    match method {
        Some("GET" | "HEAD" | "OPTIONS") => "read",
        Some("POST") => "create",
        Some("PUT" | "PATCH") => "update",
        Some("DELETE") => "delete",
        _ => "unknown",
    }
}

/// The status as a word of the CADF Outcome Taxonomy. What was passed on or redirected did not fail.
const fn outcome(status: Option<u16>) -> &'static str {
    match status {
        Some(100..=399) => "success",
        Some(_) => "failure",
        None => "unknown",
    }
}

fn initiator<'a>(
    consumer: Option<&'a str>,
    entity: Option<&'a str>,
    client_ip: Option<Cow<'a, str>>,
    agent: Option<Cow<'a, str>>,
) -> Resource<'a> {
    let [id, username, custom_id] =
        object(consumer, ["id", "username", "custom_id"]).unwrap_or_default();
    let [entity_id] = object(entity, ["id"]).unwrap_or_default();
    let name = username
        .and_then(string)
        .or_else(|| custom_id.and_then(string));
    let known = id
        .and_then(string)
        .or_else(|| entity_id.and_then(string))
        .or_else(|| name.clone());
    Resource {
        type_uri: match known {
            Some(_) => "service/security/account/user",
            None => "unknown",
        },
        id: known.or_else(|| client_ip.clone()).unwrap_or(UNKNOWN),
        name,
        host: (client_ip.is_some() || agent.is_some()).then_some(Host {
            address: client_ip,
            agent,
        }),
        addresses: None,
    }
}

fn target<'a>(
    service: Option<&'a str>,
    route: Option<&'a str>,
    url: Option<Cow<'a, str>>,
) -> Resource<'a> {
    let named = |raw| {
        let [id, name] = object(raw, ["id", "name"])?;
        let name = name.and_then(string);
        Some((id.and_then(string).or_else(|| name.clone())?, name))
    };
    let (id, name) = named(service)
        .or_else(|| named(route))
        .unwrap_or((Cow::Borrowed("kong"), None));
    Resource {
        type_uri: "service",
        id,
        name,
        host: None,
        addresses: url.map(|url| [Address { url }]),
    }
}

const UNKNOWN: Cow<'static, str> = Cow::Borrowed("unknown");

/// The gateway, which reports on itself.
const KONG: Resource<'static> = Resource {
    id: Cow::Borrowed("kong"),
    type_uri: "service/network",
    name: Some(Cow::Borrowed("kong")),
    host: None,
    addresses: None,
};

/// A CADF event, in the order in which its members are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    event_time: String,
    action: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<HttpReason>,
    initiator: Resource<'a>,
    target: Resource<'a>,
    observer: Resource<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_path: Option<Cow<'a, str>>,
    attachments: [Attachment<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpReason {
    reason_type: &'static str,
    reason_code: String,
}

#[derive(Serialize)]
struct Resource<'a> {
    id: Cow<'a, str>,
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Host<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<[Address<'a>; 1]>,
}

#[derive(Serialize)]
struct Host<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Address<'a> {
    url: Cow<'a, str>,
}

#[derive(Serialize)]
struct Attachment<'a> {
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    name: &'static str,
    content: &'a str,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const EVENT: &str = r#"{"started_at":1577836800123,"latencies":{"proxy":1},"client_ip":"192.0.2.7",
 "request":{"id":"r\u0031","method":"POST","url":"http://a/b","uri":"/b","headers":{"user-agent":"x/1"}},
 "response":{"status":201},"service":{"id":"s1","name":"shop"},"consumer":{"id":"c1","username":"ann"}}"#;

    fn converted(text: &str) -> Value {
        serde_json::from_slice(&convert(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn every_part_finds_its_place() {
        assert!(detect(EVENT.as_bytes()));
        assert_eq!(
            converted(EVENT),
            json!({
                "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
                "eventType": "activity",
                "id": "r1",
                "eventTime": "2020-01-01T00:00:00.123000000Z",
                "action": "create",
                "outcome": "success",
                "reason": {"reasonType": "HTTP", "reasonCode": "201"},
                "initiator": {
                    "id": "c1", "typeURI": "service/security/account/user", "name": "ann",
                    "host": {"address": "192.0.2.7", "agent": "x/1"},
                },
                "target": {"id": "s1", "typeURI": "service", "name": "shop", "addresses": [{"url": "http://a/b"}]},
                "observer": {"id": "kong", "typeURI": "service/network", "name": "kong"},
                "requestPath": "/b",
                "attachments": [{"typeURI": "mime:application/json", "name": "kong", "content": EVENT}],
            })
        );
    }

    #[test]
    fn little_is_enough() {
        let event = converted(
            r#"{"started_at":0,"latencies":{},"request":{"headers":[],"id":7},"response":null}"#,
        );
        assert_eq!(event["id"], Value::Null);
        assert_eq!(
            (&event["action"], &event["outcome"]),
            (&json!("unknown"), &json!("unknown"))
        );
        assert_eq!(
            (&event["initiator"]["id"], &event["target"]["id"]),
            (&json!("unknown"), &json!("kong"))
        );
    }

    #[test]
    fn forms_seen_less_often_are_understood() {
        let stream = r#"{"latencies":{"kong":1},"service":{"name":"db"},"started_at":1577836800122.9999,"client_ip":"2001:db8::1","session":{"status":200,"sent":7}}"#;
        assert!(detect(stream.as_bytes()));
        let event = converted(stream);
        assert_eq!(event["eventTime"], "2020-01-01T00:00:00.123000000Z");
        assert_eq!(event["reason"]["reasonCode"], "200");
        assert_eq!(event["target"]["id"], "db");
        assert_eq!(event["initiator"]["host"]["address"], "2001:db8::1");

        let twice = r#"{"started_at":0,"latencies":{},"request":{"headers":{"user-agent":["a","b"]}},"consumer":{"username":"ann"}}"#;
        let initiator = &converted(twice)["initiator"];
        assert_eq!(
            initiator,
            &json!({
                "id": "ann", "typeURI": "service/security/account/user", "name": "ann", "host": {"agent": "a"},
            })
        );
        let bare = converted(r#"{"started_at":0,"latencies":{},"request":{}}"#);
        assert_eq!(
            bare["initiator"],
            json!({"id": "unknown", "typeURI": "unknown"})
        );
    }

    #[test]
    fn what_is_no_kong_event_is_refused() {
        for (text, message) in [
            ("{}", "started_at must be the milliseconds since 1970"),
            (r#"{"started_at":"x"}"#, "started_at must be"),
            (
                r#"{"started_at":99999999999999999999}"#,
                "started_at must be",
            ),
            (r#"{"started_at":1}"#, "request must be an object"),
            (r#"{"started_at":1,}"#, "line 1 column"),
            ("{\"started_at\":1,\"request\":{}} x", "trailing characters"),
        ] {
            let error = convert(text.as_bytes()).unwrap_err().to_string();
            assert!(
                error.starts_with("not a Kong event: ") && error.contains(message),
                "{error}"
            );
        }
        for text in [
            "{}",
            r#"{"started_at":1,"latencies":{},"request":{},"eventTime":"x"}"#,
            "{",
        ] {
            assert!(!detect(text.as_bytes()), "{text}");
        }
    }
}
