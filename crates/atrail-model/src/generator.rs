//! Generates realistic CADF events, for a first impression of the system and for measurements.
//!
//! The shape is that of an OpenStack cloud's audit trail: a few dozen people and services, each from its own address,
//! act on the resources of a handful of services; most calls succeed. Ids, times and sizes vary as real ones do, so
//! that the text compresses as real events do.

mod random;
mod world;

use std::fmt::{self, Write};
use std::time::Duration;

use jiff::SignedDuration;

use crate::Timestamp;
use random::SplitMix64;
use world::{Actor, SERVICES, Service, Verb};

/// The kinds of endpoints of a service.
const SIDES: &[&str] = &["admin", "private", "public"];

/// Number of people and services that act.
const ACTORS: u64 = 40;

/// Generates events as JSON lines without the line break, in the order of their times.
///
/// The same arguments produce the same bytes, on every machine and in every later version.
#[derive(Debug, Clone)]
pub struct Generator {
    random: SplitMix64,
    actors: Vec<Actor>,
    region: String,
    start: Timestamp,
    span: Duration,
    count: u64,
    made: u64,
}

impl Generator {
    /// Generates `count` events from `start` on, spread over `span`, with the last one before its end.
    #[must_use]
    pub fn new(seed: u64, start: Timestamp, span: Duration, count: u64) -> Self {
        let mut random = SplitMix64::new(seed);
        let actors = (0..ACTORS)
            .map(|number| Actor::new(number, &mut random))
            .collect();
        let region = format!("region-{}", random.below(4) + 1);
        Self {
            random,
            actors,
            region,
            start,
            span,
            count,
            made: 0,
        }
    }

    /// Returns the next time: somewhere within its share of the span, so that times ascend.
    fn next_time(&mut self) -> Timestamp {
        let share_nanos = self.span.as_nanos() / u128::from(self.count.max(1));
        let within_share = share_nanos * u128::from(self.random.below(1000)) / 1000;
        let nanos = share_nanos * u128::from(self.made) + within_share;
        let offset = i64::try_from(nanos).map_or(SignedDuration::MAX, SignedDuration::from_nanos);
        self.start.saturating_add(offset).unwrap_or(self.start)
    }

    fn write_event(&mut self, line: &mut String) -> fmt::Result {
        let time = self.next_time();
        let random = &mut self.random;
        let actor = random.pick(&self.actors);
        let service = random.pick(SERVICES);
        let verb = random.pick(service.verbs);
        let outcome = Outcome::pick(verb, random);

        write!(
            line,
            r#"{{"typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event", "eventType": "{}", "id": "{}", "eventTime": "{}", "action": "{}", "outcome": "{}", "severity": "{}""#,
            verb.event_type,
            random.uuid(),
            written(time),
            verb.action,
            outcome.word,
            outcome.severity,
        )?;
        if let Some(code) = outcome.code {
            write!(
                line,
                r#", "reason": {{"reasonType": "HTTP", "reasonCode": "{code}"}}"#
            )?;
        }
        write!(
            line,
            r#", "observer": {{"id": "{:032x}", "typeURI": "service/{}", "name": "{}"}}"#,
            service.observer_id, service.type_uri, service.name
        )?;
        write_initiator(line, actor, random)?;
        let target_id = random.uuid();
        let sides = if random.half() { SIDES } else { &SIDES[2..] };
        write_target(line, service, actor, &self.region, &target_id, sides)?;
        write!(
            line,
            r#", "requestPath": "{}/{target_id}{}""#,
            service.path, verb.path_end
        )?;
        if random.half() {
            write!(
                line,
                r#", "tags": ["correlation_id?value={}"]"#,
                random.uuid()
            )?;
        }
        if random.half() {
            let delay = SignedDuration::from_micros(random.below(900_000).cast_signed());
            let reported = written(time.saturating_add(delay).unwrap_or(time));
            write!(
                line,
                r#", "reporterchain": [{{"role": "modifier", "reporterTime": "{reported}", "reporter": {{"id": "target"}}}}]"#,
            )?;
        }
        line.write_str("}")
    }
}

impl Iterator for Generator {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.made == self.count {
            return None;
        }
        let mut line = String::with_capacity(1500);
        self.write_event(&mut line)
            .expect("writing to a string cannot fail");
        self.made += 1;
        Some(line)
    }
}

/// Formats a time as CADF libraries do.
fn written(time: Timestamp) -> impl fmt::Display {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6f+0000")
}

fn write_initiator(line: &mut String, actor: &Actor, random: &mut SplitMix64) -> fmt::Result {
    write!(
        line,
        r#", "initiator": {{"id": "{}", "typeURI": "{}", "name": "{}", "domain": "Default", "project_id": "{}", "host": {{"address": "{}", "agent": "{}"}}, "request_id": "req-{}""#,
        actor.id,
        actor.type_uri,
        actor.name,
        actor.project_id,
        actor.address,
        actor.agent,
        random.uuid(),
    )?;
    if random.half() {
        let (start, end) = (random.next_u64() >> 32, random.next_u64() >> 32);
        write!(
            line,
            r#", "credential": {{"token": "{start:08x} xxxxxxxx {end:08x}", "identity_status": "Confirmed"}}"#,
        )?;
    }
    line.write_str("}")
}

fn write_target(
    line: &mut String,
    service: &Service,
    actor: &Actor,
    region: &str,
    target_id: &str,
    sides: &[&str],
) -> fmt::Result {
    let (name, port) = (service.name, service.port);
    write!(
        line,
        r#", "target": {{"id": "{target_id}", "typeURI": "service/{}", "name": "{name}", "project_id": "{}", "addresses": ["#,
        service.target_type_uri, actor.project_id
    )?;
    for (nth, side) in sides.iter().enumerate() {
        let comma = if nth == 0 { "" } else { ", " };
        write!(
            line,
            r#"{comma}{{"url": "https://{name}.{side}.{region}.example.com:{port}{}", "name": "{side}"}}"#,
            service.path
        )?;
    }
    line.write_str("]}")
}

/// The result of a call.
struct Outcome {
    word: &'static str,
    severity: &'static str,
    code: Option<u16>,
}

impl Outcome {
    fn pick(verb: &Verb, random: &mut SplitMix64) -> Self {
        let (word, severity, code) = match random.below(100) {
            0..=1 => ("pending", "normal", None),
            2..=4 => ("failure", "warning", Some(403)),
            5..=6 => ("failure", "warning", Some(401)),
            7 => ("failure", "warning", Some(404)),
            8 => ("failure", "critical", Some(500)),
            _ => ("success", "normal", Some(verb.success_code)),
        };
        Self {
            word,
            severity,
            code,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::event::admit;

    const SPAN: Duration = Duration::from_secs(3 * 86_400);

    fn start() -> Timestamp {
        "2026-11-20T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_event_is_admitted_within_the_span_and_in_order() {
        let end = start().checked_add(SPAN).unwrap();
        let lines: Vec<String> = Generator::new(7, start(), SPAN, 5000).collect();
        assert_eq!(lines.len(), 5000);
        let mut ids = HashSet::new();
        let mut days = HashSet::new();
        let mut before = start();
        for line in &lines {
            let event = admit(line.as_bytes(), end, || unreachable!("each has an id")).unwrap();
            assert_eq!(event.line, line.as_bytes());
            assert!(before <= event.time && event.time < end);
            before = event.time;
            assert!(ids.insert(event.id.into_owned()), "ids are unique");
            days.insert(event.day);
        }
        assert_eq!(days.len(), 3);
    }

    #[test]
    fn events_are_as_long_and_as_varied_as_real_ones() {
        let lines: Vec<String> = Generator::new(7, start(), SPAN, 2000).collect();
        let average = lines.iter().map(String::len).sum::<usize>() / lines.len();
        assert!((1200..1400).contains(&average), "{average}");
        for (member, at_least) in [("action", 10), ("outcome", 3), ("eventType", 2)] {
            let values: HashSet<String> = lines
                .iter()
                .map(|line| {
                    let event: serde_json::Value = serde_json::from_str(line).unwrap();
                    event[member].to_string()
                })
                .collect();
            assert!(values.len() >= at_least, "{member}: {values:?}");
        }
    }

    #[test]
    fn the_seed_decides_the_bytes() {
        let make = |seed| Generator::new(seed, start(), SPAN, 50).collect::<Vec<_>>();
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
        assert_eq!(Generator::new(1, start(), Duration::ZERO, 3).count(), 3);
        assert_eq!(Generator::new(1, start(), SPAN, 0).count(), 0);
        assert!(Generator::new(1, Timestamp::MAX, SPAN, 3).all(|line| line.starts_with('{')));
    }
}
