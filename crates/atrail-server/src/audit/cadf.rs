//! An act as a CADF event (DMTF DSP0262).

use std::net::IpAddr;

use atrail_evidence::leaf_hash;
use atrail_model::{Domain, EventError, Timestamp, event, format_timestamp};
use atrail_store::NewEvent;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::act::Act;

/// The name of the observer in every event of this server; the original's events have the same.
const OBSERVER: &str = "ActivityTracker";

/// The parts of an event that do not follow from its act.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) id: Uuid,
    pub(super) time: Timestamp,
    /// The name under which this server signs.
    pub(super) server: &'a str,
    /// The name of the space or account that the event's domain belongs to.
    pub(super) domain_name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    id: Uuid,
    event_type: &'static str,
    event_time: String,
    action: &'static str,
    outcome: &'static str,
    severity: &'static str,
    reason: Reason,
    initiator: Initiator<'a>,
    target: Resource<'a>,
    observer: Resource<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    attachments: &'a [Attachment<'a>],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reason {
    reason_code: u16,
    reason_type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Initiator<'a> {
    #[serde(flatten)]
    resource: Resource<'a>,
    credential: Credential,
    host: Host<'a>,
}

#[derive(Debug, Serialize)]
struct Credential {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Debug, Serialize)]
struct Host<'a> {
    address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Resource<'a> {
    id: &'a str,
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Attachment<'a> {
    name: &'static str,
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    content: &'a Map<String, Value>,
}

/// Returns the server as the event's observer.
const fn observer<'a>(frame: &Frame<'a>) -> Resource<'a> {
    Resource {
        id: frame.server,
        type_uri: "service/security",
        name: Some(OBSERVER),
    }
}

/// Returns the event of an act, checked like every event that a client sends.
pub(super) fn event_of(act: &Act, frame: &Frame<'_>) -> Result<NewEvent, EventError> {
    let actor_id = act.actor.id.to_string();
    let (domain_id, domain_type) = match act.domain {
        Domain::Space(id) => (id.to_string(), "data/security/project"),
        Domain::Account(id) => (id.to_string(), "data/security/account"),
    };
    let details = [Attachment {
        name: "details",
        type_uri: "mime:application/json",
        content: &act.details,
    }];
    let event = Event {
        type_uri: "http://schemas.dmtf.org/cloud/audit/1.0/event",
        id: frame.id,
        event_type: "activity",
        event_time: format_timestamp(frame.time),
        action: act.action.word(),
        outcome: act.outcome().word(),
        severity: act.severity().word(),
        reason: Reason {
            reason_code: act.status,
            reason_type: "HTTP",
        },
        initiator: Initiator {
            resource: if act.actor.is_server() {
                observer(frame)
            } else {
                Resource {
                    id: &actor_id,
                    type_uri: "service/security/account/user",
                    name: act.actor.name.as_deref(),
                }
            },
            credential: Credential {
                kind: act.actor.credential.word(),
            },
            host: Host {
                address: act.actor.origin.address,
                agent: act.actor.origin.agent.as_deref(),
            },
        },
        target: match &act.thing {
            Some(thing) => Resource {
                id: &thing.id,
                type_uri: thing.type_uri,
                name: thing.name.as_deref(),
            },
            None => Resource {
                id: &domain_id,
                type_uri: domain_type,
                name: frame.domain_name,
            },
        },
        observer: observer(frame),
        attachments: if act.details.is_empty() {
            &[]
        } else {
            &details
        },
    };
    let line = serde_json::to_vec(&event).expect("texts and numbers are written as JSON");
    let (day, hour) = {
        let checked = event::admit(&line, frame.time, || frame.id.to_string())?;
        (checked.day, checked.hour)
    };
    Ok(NewEvent {
        day,
        hour,
        leaf: leaf_hash(&line),
        line: Bytes::from(line),
    })
}

#[cfg(test)]
mod tests {
    use atrail_model::{SpaceId, User, UserId};
    use axum::extract::FromRequestParts;
    use axum::http::Request;

    use super::super::{Action, Actor, Origin};
    use super::*;
    use crate::observe::Peer;

    async fn made(agent: &[u8], name: &str) -> (NewEvent, Value) {
        let request = Request::get("/").header("user-agent", agent);
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts
            .extensions
            .insert(Peer("203.0.113.9".parse().unwrap()));
        let origin = Origin::from_request_parts(&mut parts, &()).await.unwrap();
        let user = User {
            id: UserId::generate(),
            name: name.to_owned(),
            operator: false,
        };
        let domain = Domain::Space(SpaceId::generate());
        let act = Act::new(Action::DeleteEvents, Actor::new(&user, origin), domain)
            .with("events", 17)
            .with("reason", "a\r\nb");
        let frame = Frame {
            id: Uuid::new_v4(),
            time: "2017-07-25T10:29:28.541092735Z".parse().unwrap(),
            server: "example.com/atrail",
            domain_name: Some("dev"),
        };
        let event = event_of(&act, &frame).unwrap();
        let value = serde_json::from_slice(&event.line).unwrap();
        (event, value)
    }

    #[tokio::test]
    async fn it_is_an_event_like_any_other() {
        let (event, value) = made(b"curl/8.1", "ann").await;
        assert_eq!(event.day.to_string(), "2017-07-25");
        assert_eq!(event.hour.number(), 10);
        assert_eq!(value["eventTime"], "2017-07-25T10:29:28.541092735Z");
        assert_eq!(value["initiator"]["name"], "ann");
        assert_eq!(value["initiator"]["host"]["agent"], "curl/8.1");
        assert_eq!(value["initiator"]["host"]["address"], "203.0.113.9");
        assert_eq!(value["target"]["name"], "dev");
        assert_eq!(value["observer"]["name"], "ActivityTracker");
        let details = &value["attachments"][0]["content"];
        assert_eq!(
            (&details["events"], &details["reason"]),
            (&17.into(), &"a  b".into())
        );
    }

    #[tokio::test]
    async fn what_a_client_says_of_itself_cannot_break_it() {
        let agent = [b"\"},\"x\":\"\\\xff\xfe".as_slice(), &[b'a'; 5000]].concat();
        let (event, value) = made(&agent, "\"}\n\u{202e}").await;
        assert!(event.line.len() < 4096 && !event.line.contains(&b'\n'));
        assert_eq!(value["action"], "delete.events");
        assert_eq!(value.as_object().unwrap().len(), 12);
    }
}
