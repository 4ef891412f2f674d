//! Log-plugin events of the Kong gateway, as its HTTP, TCP, UDP and file log plugins write them: one object per proxied
//! request, or per proxied stream, which has a `session` instead of a `request`.
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
//!
//! As a string the text is longer than the original, because its quotes are escaped. Where the event would become too
//! long, the text is attached as JSON instead, and long URLs, paths and agents appear only there.

mod event;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use atrail_model::limits::EVENT_MAX_BYTES;
use atrail_model::{Timestamp, format_timestamp};
use event::{Address, Attachment, Content, Event, Host, HttpReason, Resource};

use super::{Format, Name, Reading, Recognition};
use crate::Reason;
use crate::members::{members, string};
use crate::surrogates::without_halves;

pub(super) const FORMAT: Format = Format {
    name: "kong",
    kind: "kong",
    about: "Kong's log of requests",
    marks: "`started_at`; `request` or `session`; `latencies` or `response`; no `eventTime`",
    object: Some(Recognition {
        telling: Name::quoted("\"started_at\""),
        detect,
    }),
    reading: Reading::Converted(convert),
    ..Format::BLANK
};

/// The first plausible `started_at`, in 1973: Kong dates from 2015, and a count of seconds reaches this number in the
/// year 5138.
const FIRST_MILLIS: i64 = 100_000_000_000;

/// Reports whether a JSON object is one of these events: a request or stream with a beginning and a result, and not
/// CADF. (A plugin that is configured to leave members out may have left out one of those that state the result.)
fn detect(text: &[u8]) -> bool {
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

/// Returns the event as CADF.
fn convert(text: &[u8]) -> Result<Vec<u8>, Reason> {
    let original = std::str::from_utf8(text).map_err(|_| refuse("it is not UTF-8"))?;
    let text = &*without_halves(text);
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
    let event_time = began(started_at)?;

    let [id, method, url, uri, headers] =
        object(request, ["id", "method", "url", "uri", "headers"])
            .or(session.map(|_| Default::default()))
            .ok_or_else(|| refuse("request must be an object"))?;
    let [status] = object(response.or(session), ["status"]).unwrap_or_default();
    let [agent] = object(headers, ["user-agent"]).unwrap_or_default();
    let status = status.and_then(|raw| raw.trim_matches('"').parse::<u16>().ok());

    let mut event = Event {
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
            content: Content::Text(original),
        }],
    };
    let converted = written(&event)?;
    if converted.len() <= EVENT_MAX_BYTES {
        return Ok(converted);
    }
    event
        .shorten(text)
        .map_err(|error| refuse(&error.to_string()))?;
    let converted = written(&event)?;
    if converted.len() <= EVENT_MAX_BYTES {
        return Ok(converted);
    }
    Err(refuse(&format!(
        "made CADF it is {} bytes long; at most {EVENT_MAX_BYTES} are accepted",
        converted.len()
    )))
}

fn written(event: &Event<'_>) -> Result<Vec<u8>, Reason> {
    serde_json::to_vec(event).map_err(|error| refuse(&error.to_string()))
}

/// Returns when the request began. Numbers below [`FIRST_MILLIS`] are mistaken seconds, or meaningless.
fn began(started_at: Option<&str>) -> Result<Timestamp, Reason> {
    let unit = "started_at must be the milliseconds since 1970";
    let millis = started_at.and_then(millis).ok_or_else(|| refuse(unit))?;
    let time = Timestamp::from_millisecond(millis).map_err(|_| refuse(unit))?;
    if millis >= FIRST_MILLIS {
        return Ok(time);
    }
    Err(refuse(&format!(
        "{unit}, and {millis} of them are {}: send milliseconds, not seconds",
        format_timestamp(time)
    )))
}

fn refuse(problem: &str) -> Reason {
    Reason::NotConverted {
        format: "Kong",
        problem: problem.to_owned(),
    }
}

/// Returns some members of a value that should be an object.
fn object<'a, const N: usize>(
    raw: Option<&'a str>,
    names: [&'static str; N],
) -> Option<[Option<&'a str>; N]> {
    members(raw?.as_bytes(), names).ok()
}

/// Returns milliseconds; some gateways write a fraction of them, which is a rounding error.
fn millis(raw: &str) -> Option<i64> {
    let fraction = || {
        let millis: f64 = serde_json::from_str(raw).ok()?;
        // Far inside the range of whole numbers that an f64 represents exactly.
        (millis.abs() < 1e15).then_some(millis.round() as i64)
    };
    raw.parse().ok().or_else(fraction)
}

/// Returns a header: a text or, for a header that was sent several times, the first text of an array.
fn text_or_first(raw: &str) -> Option<Cow<'_, str>> {
    string(raw).or_else(|| {
        let all: Vec<String> = serde_json::from_str(raw).ok()?;
        all.into_iter().next().map(Cow::Owned)
    })
}

/// Returns the method as a verb of the CADF Action Taxonomy.
fn action(method: Option<&str>) -> &'static str {
    match method {
        Some("GET" | "HEAD" | "OPTIONS") => "read",
        Some("POST") => "create",
        Some("PUT" | "PATCH") => "update",
        Some("DELETE") => "delete",
        _ => "unknown",
    }
}

/// Returns the status as a word of the CADF Outcome Taxonomy. A request that was passed on or redirected did not fail.
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
