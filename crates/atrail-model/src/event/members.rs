//! The few interpreted members of an event, borrowed from its text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{EventError, syntax};

/// All that an event requires, for messages.
const NEEDED: &str = "eventTime, action, outcome, initiator or initiatorId, target or targetId";

/// The raw JSON text of each interpreted member; of duplicates the last.
#[derive(Default)]
pub(super) struct Members<'a> {
    id: Option<&'a RawValue>,
    event_type: Option<&'a RawValue>,
    event_time: Option<&'a RawValue>,
    action: Option<&'a RawValue>,
    outcome: Option<&'a RawValue>,
    initiator: Option<&'a RawValue>,
    initiator_id: Option<&'a RawValue>,
    target: Option<&'a RawValue>,
    target_id: Option<&'a RawValue>,
}

impl<'a> Members<'a> {
    /// Reads the members of one JSON object and checks the grammar of the whole text. It skips values without recursion
    /// and does not convert numbers, so that neither depth nor 1e999 matters.
    pub(super) fn parse(text: &'a str) -> Result<Self, EventError> {
        let mut parser = serde_json::Deserializer::from_str(text);
        let members = parser.deserialize_map(MembersVisitor);
        members
            .and_then(|members| parser.end().map(|()| members))
            .map_err(|error| syntax::error(text, &error))
    }

    /// Checks that the required members are present and of the right kind. The text of the time and the id are checked
    /// when they are read.
    pub(super) fn check(&self) -> Result<(), EventError> {
        string("eventTime", self.event_time)?;
        string("action", self.action)?;
        string("outcome", self.outcome)?;
        one_of(
            ("initiator", self.initiator),
            ("initiatorId", self.initiator_id),
            "initiator, or initiatorId,",
        )?;
        one_of(
            ("target", self.target),
            ("targetId", self.target_id),
            "target, or targetId,",
        )?;
        self.check_event_type()
    }

    pub(super) fn event_time(&self) -> Result<Cow<'a, str>, EventError> {
        string("eventTime", self.event_time)
    }

    /// Returns the id; `None` when the member is missing.
    pub(super) fn id(&self) -> Result<Option<Cow<'a, str>>, EventError> {
        let wrong = |found| EventError::WrongType {
            member: "id",
            expected: "a string that is not empty, or be left out",
            found,
        };
        match self.id {
            None => Ok(None),
            Some(raw) => match text_of("id", raw)? {
                Some(id) if id.is_empty() => Err(wrong("empty")),
                Some(id) => Ok(Some(id)),
                None => Err(wrong(syntax::kind_of(raw.get()))),
            },
        }
    }

    fn check_event_type(&self) -> Result<(), EventError> {
        let Some(raw) = self.event_type else {
            return Ok(());
        };
        let word = text_of("eventType", raw)?.ok_or_else(|| EventError::WrongType {
            member: "eventType",
            expected: "activity, monitor or control, or be left out",
            found: syntax::kind_of(raw.get()),
        })?;
        match &*word {
            "activity" | "monitor" | "control" => Ok(()),
            other => Err(EventError::EventType {
                found: syntax::excerpt(other),
            }),
        }
    }
}

type Member<'a> = Option<&'a RawValue>;

/// Returns a required member that must be a string.
fn string<'a>(member: &'static str, raw: Member<'a>) -> Result<Cow<'a, str>, EventError> {
    let raw = raw.ok_or(EventError::Missing {
        member,
        needed: NEEDED,
    })?;
    text_of(member, raw)?.ok_or_else(|| EventError::WrongType {
        member,
        expected: "a string",
        found: syntax::kind_of(raw.get()),
    })
}

/// Checks that either the resource itself or its id is present (DSP0262, the Event entity: one of the two is required).
fn one_of(
    resource: (&'static str, Member),
    id: (&'static str, Member),
    either: &'static str,
) -> Result<(), EventError> {
    let wrong = |member, raw: &RawValue, expected| EventError::WrongType {
        member,
        expected,
        found: syntax::kind_of(raw.get()),
    };
    let is = |raw: Member, first: &str| raw.is_some_and(|raw| raw.get().starts_with(first));
    if is(resource.1, "{") || is(id.1, "\"") {
        return Ok(());
    }
    Err(match (resource.1, id.1) {
        (Some(raw), _) => wrong(resource.0, raw, "an object"),
        (None, Some(raw)) => wrong(id.0, raw, "a string"),
        (None, None) => EventError::Missing {
            member: either,
            needed: NEEDED,
        },
    })
}

/// Returns the text of a JSON string, borrowed unless it has escapes; `None` for a value of another kind.
fn text_of<'a>(
    member: &'static str,
    raw: &'a RawValue,
) -> Result<Option<Cow<'a, str>>, EventError> {
    let raw = raw.get();
    let Some(inside) = raw
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return Ok(None);
    };
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Ok(Some(Cow::Borrowed(inside)));
    }
    // The grammar is already checked. The only remaining error is half of a surrogate pair, which no Rust string can
    // hold.
    serde_json::from_str::<String>(raw)
        .map(|text| Some(Cow::Owned(text)))
        .map_err(|_| EventError::WrongType {
            member,
            expected: "a string of Unicode characters",
            found: "a string with half of a surrogate pair",
        })
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key()? {
            let slot = match name {
                Name::Id => &mut members.id,
                Name::EventType => &mut members.event_type,
                Name::EventTime => &mut members.event_time,
                Name::Action => &mut members.action,
                Name::Outcome => &mut members.outcome,
                Name::Initiator => &mut members.initiator,
                Name::InitiatorId => &mut members.initiator_id,
                Name::Target => &mut members.target,
                Name::TargetId => &mut members.target_id,
                Name::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *slot = Some(map.next_value()?);
        }
        Ok(members)
    }
}

/// A member's name, compared after its escapes are resolved: `"event\u0054ime"` is `eventTime` (RFC 8259 §8.3).
enum Name {
    Id,
    EventType,
    EventTime,
    Action,
    Outcome,
    Initiator,
    InitiatorId,
    Target,
    TargetId,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(match name {
                    "id" => Name::Id,
                    "eventType" => Name::EventType,
                    "eventTime" => Name::EventTime,
                    "action" => Name::Action,
                    "outcome" => Name::Outcome,
                    "initiator" => Name::Initiator,
                    "initiatorId" => Name::InitiatorId,
                    "target" => Name::Target,
                    "targetId" => Name::TargetId,
                    _ => Name::Other,
                })
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}
