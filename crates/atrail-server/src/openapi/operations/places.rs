//! One event by its place, the entries of the signed logs, and events as they become durable.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};
use serde_json::json;

use super::super::by_hand::{EVENT, reference};
use super::super::operation::{Operation, schema, string};

const LINES: &str = "application/x-ndjson";

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let fields = ["atrail-leaf", "atrail-day", "atrail-space"];
    let log = json!({"oneOf": [schema::<api::LogCheckpoint>(), schema::<api::LogEntry>()]});
    let tail = json!({"oneOf": [
        schema::<api::TailStart>(),
        schema::<api::TailPlace>(),
        reference(EVENT),
        schema::<api::TailMissed>(),
        schema::<api::TailEnd>(),
    ]});
    vec![
        Operation::new(
            "GET",
            paths::EVENT_AT,
            "showEvent",
            "events",
            "One sealed event by its permanent place, to the byte as it is stored; the query may also be a JSON body",
        )
        .in_space()
        .query::<api::EventPlace>()
        .gives(200, "the event", reference(EVENT))
        .with_headers(200, &fields)
        .errors(&[E::Conflict, E::Damaged]),
        Operation::new(
            "GET",
            paths::EVENT_PROOF,
            "proveEvent",
            "evidence",
            "The proof of one sealed event, as `atrail prove` makes it from a download; the query may also be a JSON body",
        )
        .in_space()
        .query::<api::EventPlace>()
        .gives_as(200, "a C2SP tlog-proof", &[("text/plain", string())])
        .with_headers(200, &fields)
        .errors(&[E::Conflict, E::Damaged, E::StorageFull]),
        Operation::new(
            "GET",
            paths::LOG,
            "listLog",
            "evidence",
            "The entries of the signed logs, of each log after its checkpoint; the query may also be a JSON body",
        )
        .in_space()
        .query::<api::LogQuery>()
        .gives_as(200, "lines", &[(LINES, log)])
        .errors(&[E::StorageFull]),
        Operation::new(
            "POST",
            paths::TAIL,
            "tailEvents",
            "events",
            "Events as they become durable: a line of place before each, a blank line at least every 15 s",
        )
        .in_space()
        .json::<api::TailQuery>(false)
        .gives_as(200, "lines, until the client leaves", &[(LINES, tail)])
        .errors(&[E::TooMany]),
    ]
}
