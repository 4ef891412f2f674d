//! A mapping, ready for use: the ways to each member of the event that an object becomes.

use std::borrow::Cow;

use atrail_model::limits::EVENT_TIME_MAX_AHEAD_SECS;
use atrail_model::{Timestamp, format_timestamp};

use super::detect::Detector;
use super::slots::Slots;
use super::spec::{Alternatives, EventSpec, ResourceSpec, Spec};
use super::time::is_possible;
use super::way::{Found, Way};
use crate::Reason;
use crate::draft::{Attachment, Draft, Resource};
use crate::engine::{Context, Ids, Strictness};
use crate::surrogates::without_halves;
use crate::text::Text;

/// The longest id that is one; a longer text is none.
const ID_MAX_BYTES: usize = 1024;
/// The mapping of texts of no known format. It has no conditions, and refuses nothing.
const GENERIC: &str = "generic";

/// A mapping, ready for use.
#[derive(Debug)]
pub(super) struct Compiled {
    name: &'static str,
    /// The name and the version, with a slash between them.
    mapping: &'static str,
    title: &'static str,
    detector: Detector,
    slots: Slots,
    kind: Vec<Way>,
    id: Vec<Way>,
    time: Vec<Way>,
    action: Vec<Way>,
    outcome: Vec<Way>,
    reason_type: Vec<Way>,
    reason_code: Vec<Way>,
    initiator: ResourceWays,
    target: ResourceWays,
    observer: ResourceWays,
    trim: Vec<String>,
}

#[derive(Debug)]
struct ResourceWays {
    id: Vec<Way>,
    kind: Vec<Way>,
    name: Vec<Way>,
    address: Vec<Way>,
    agent: Vec<Way>,
}

impl Compiled {
    /// Compiles a mapping; of a fault, returns the place and the reason.
    pub(super) fn new(spec: Spec) -> Result<Self, (String, String)> {
        let detector =
            Detector::new(&spec.detect).map_err(|reason| ("detect".to_owned(), reason))?;
        let mut slots = Slots::new();
        let EventSpec {
            kind,
            id,
            time,
            action,
            outcome,
            reason_type,
            reason_code,
        } = spec.event.ok_or_else(|| {
            let reason = "it is missing; it says at least where time and action are";
            ("[event]".to_owned(), reason.to_owned())
        })?;
        let mut ways = |place: &str, written: &Alternatives| ways(place, written, &mut slots);
        for (place, written) in [("event.time", &time), ("event.action", &action)] {
            if written.ways().is_empty() {
                return Err((place.to_owned(), "it is missing".to_owned()));
            }
        }
        let kind = ways("event.type", &kind)?;
        let id = ways("event.id", &id)?;
        let time = ways("event.time", &time)?;
        let action = ways("event.action", &action)?;
        let outcome = ways("event.outcome", &outcome)?;
        let reason_type = ways("event.reason_type", &reason_type)?;
        let reason_code = ways("event.reason_code", &reason_code)?;
        let initiator = ResourceWays::new("initiator", &spec.initiator, &mut slots)?;
        let target = ResourceWays::new("target", &spec.target, &mut slots)?;
        let observer = ResourceWays::new("observer", &spec.observer, &mut slots)?;
        let title = spec.title.unwrap_or_else(|| spec.name.clone());
        Ok(Self {
            // There are as many as there are mappings, and they live as long as the program.
            mapping: format!("{}/{}", spec.name, spec.version).leak(),
            name: spec.name.leak(),
            title: title.leak(),
            detector,
            slots,
            kind,
            id,
            time,
            action,
            outcome,
            reason_type,
            reason_code,
            initiator,
            target,
            observer,
            trim: spec.trim,
        })
    }

    /// Returns what recognises the format.
    pub(super) const fn detector(&self) -> &Detector {
        &self.detector
    }

    /// Converts a text, of which all values are in an object: mostly the text itself.
    pub(super) fn convert(
        &self,
        text: &[u8],
        object: &[u8],
        context: Context<'_>,
        ids: &mut Ids,
    ) -> Result<Vec<u8>, Reason> {
        let readable = without_halves(object);
        let own = context.own.filter(|_| matches!(readable, Cow::Borrowed(_)));
        let slots = match own.and_then(|own| self.slots.of_members(own)) {
            Some(slots) => Ok(slots),
            None => self.slots.read(&readable),
        };
        let slots = match slots {
            Ok(slots) => slots,
            Err(_) if self.is_for_anything() => self.slots.none(),
            Err(error) => return Err(self.refuse(error.to_string())),
        };
        let found = Found {
            slots,
            hints: context.hints,
        };
        let action = first(&self.action, &found);
        if action.is_none() && !self.is_for_anything() {
            return Err(self.refuse("it says no action".to_owned()));
        }
        let time = self.time.iter().find_map(|way| way.time(&found));
        let must_have_time = context.strictness == Strictness::Strict && !self.is_for_anything();
        if must_have_time && time.or(context.hints.time).is_none() {
            return Err(self.refuse("it has no time that can be read".to_owned()));
        }
        let id = first(&self.id, &found)
            .or_else(|| Text::of(context.hints.id.as_deref()?))
            .filter(|id| id.bytes() <= ID_MAX_BYTES)
            .unwrap_or_else(|| Text::Plain(ids.of_text(self.name, text, context.hints).into()));
        let draft = Draft {
            event_type: match first(&self.kind, &found).map(Text::into_plain).as_deref() {
                Some("control") => "control",
                Some("monitor") => "monitor",
                _ => "activity",
            },
            id,
            event_time: format_timestamp(context.time(time)),
            action: action.unwrap_or(Text::Plain("unknown".into())),
            outcome: match first(&self.outcome, &found)
                .map(Text::into_plain)
                .as_deref()
            {
                Some("success") => "success",
                Some("failure") => "failure",
                Some("pending") => "pending",
                _ => "unknown",
            },
            reason_type: first(&self.reason_type, &found),
            reason_code: first(&self.reason_code, &found),
            initiator: self.initiator.resource(&found),
            target: self.target.resource(&found),
            observer: self.observer(&found),
            mapping: self.mapping,
        };
        let own = Attachment {
            name: self.name,
            text,
            trim: &self.trim,
        };
        Ok(match context.envelope {
            None => draft.with(&[own]),
            Some(text) => draft.with(&[
                own,
                Attachment {
                    name: "envelope",
                    text,
                    trim: &[],
                },
            ]),
        })
    }

    fn observer<'a>(&'a self, found: &Found<'a>) -> Resource<'a> {
        let Resource {
            id,
            type_uri,
            name,
            address,
            agent,
        } = self.observer.resource(found);
        let hint = || {
            let hints = found.hints;
            Text::of(hints.source.as_deref().or(hints.host.as_deref())?)
        };
        Resource {
            id: id.or_else(|| Text::of(self.name)),
            type_uri: type_uri.or_else(|| Text::of("service/security/audit")),
            name: name.or_else(hint),
            address,
            agent,
        }
    }

    /// Reports whether it is the mapping of texts of no known format.
    fn is_for_anything(&self) -> bool {
        self.name == GENERIC
    }

    /// Returns the reason why a text is refused.
    pub(super) fn refuse(&self, problem: String) -> Reason {
        Reason::NotConverted {
            format: self.title,
            problem,
        }
    }
}

impl ResourceWays {
    fn new(member: &str, spec: &ResourceSpec, slots: &mut Slots) -> Result<Self, (String, String)> {
        let mut of =
            |name: &str, written: &Alternatives| ways(&format!("{member}.{name}"), written, slots);
        Ok(Self {
            id: of("id", &spec.id)?,
            kind: of("type", &spec.kind)?,
            name: of("name", &spec.name)?,
            address: of("address", &spec.address)?,
            agent: of("agent", &spec.agent)?,
        })
    }

    fn resource<'a>(&'a self, found: &Found<'a>) -> Resource<'a> {
        Resource {
            id: first(&self.id, found),
            type_uri: first(&self.kind, found),
            name: first(&self.name, found),
            address: first(&self.address, found).map(Text::without_port),
            agent: first(&self.agent, found),
        }
    }
}

/// Compiles the ways to a value.
fn ways(
    place: &str,
    written: &Alternatives,
    slots: &mut Slots,
) -> Result<Vec<Way>, (String, String)> {
    let ways = written.ways().iter().map(|way| Way::new(way, slots));
    ways.collect::<Result<_, _>>()
        .map_err(|reason| (place.to_owned(), reason))
}

/// Returns the text of the first way that has one.
fn first<'a>(ways: &'a [Way], found: &Found<'a>) -> Option<Text<'a>> {
    ways.iter().find_map(|way| way.text(found))
}

impl Context<'_> {
    /// Returns an event's time: its own, else its carrier's, else when it was received. A time that no event may have
    /// is none.
    fn time(&self, own: Option<Timestamp>) -> Timestamp {
        let received = self.received.as_second();
        let is_ahead = |time: Timestamp| time.as_second() - received >= EVENT_TIME_MAX_AHEAD_SECS;
        let is_checked = self.received > Timestamp::UNIX_EPOCH;
        let is_right = |time: &Timestamp| !(is_checked && is_ahead(*time));
        let carriers = (self.hints.time).filter(|time| is_possible(*time));
        own.filter(is_right)
            .or(carriers.filter(is_right))
            .unwrap_or(self.received)
    }
}
