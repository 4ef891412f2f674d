//! Sending, counting, downloading and deleting events.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};
use atrail_sources::SourceKind;
use serde_json::{Value, json};

use super::super::by_hand::{EVENT, reference};
use super::super::operation::{Operation, array, bytes, string};
use super::idempotency::IDEMPOTENCY;

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let answer = array::<api::AckOrRefusal>();
    let events = json!({"type": "array", "items": reference(EVENT)});
    let types: Vec<_> = SourceKind::all()
        .flat_map(|kind| std::iter::once(kind.name()).chain(kind.aliases().iter().copied()))
        .collect();
    let sent = |id: &'static str| {
        Operation::new(
            "POST",
            paths::EVENTS,
            id,
            "events",
            "Accepts events: one object, an array, lines, or a list such as a CADF log",
        )
    };
    vec![
        sent("sendEvents")
            .about(
                "Generated clients send an array. The server also accepts one object, lines (`application/x-ndjson`) \
                 and other formats, in which an event needs none of the members below (`type`). With \
                 `Prefer: return=minimal` the answer is one object with the counts `accepted`, `duplicates`, \
                 `refused` and `not_read`, and `types` where there are any.",
            )
            .in_space()
            .query::<api::IngestQuery>()
            .values("type", &types)
            .header("Content-Encoding", "`gzip`, `deflate`, `zstd` or `identity`.")
            .header("Idempotency-Key", IDEMPOTENCY)
            .body(true, &[("application/json", events)])
            .gives(
                200,
                "the server kept all: each event's id and leaf hash, in order",
                answer.clone(),
            )
            .gives(
                207,
                "the server refused some: the result of each, in order",
                answer.clone(),
            )
            .gives(400, "the server kept none", answer)
            .errors(&[E::UnsupportedMediaType, E::StorageFull]),
        Operation::new(
            "GET",
            paths::EVENTS,
            "status",
            "events",
            "Counts events by day; the query may also be a JSON body",
        )
        .in_space()
        .query::<api::EventsQuery>()
        .gives(
            200,
            "days with events, ascending",
            array::<api::DaySummary>(),
        ),
        Operation::new(
            "DELETE",
            paths::EVENTS,
            "deleteEvents",
            "events",
            "Deletes the events of the days that the query names by both ends; the query may also be a JSON body",
        )
        .in_space()
        .query::<api::EventsQuery>()
        .needs(&["start", "end"])
        .gives(200, "the number of events, and of their bytes", string())
        .errors(&[E::RangeRequired, E::LegalHold, E::StorageFull]),
        download("GET", "download", "The bytes of a session"),
        download("HEAD", "downloadHead", "The length and the entity tag of a session's bytes"),
    ]
}

fn download(method: &'static str, id: &'static str, summary: &'static str) -> Operation {
    // The second is what clients of generators that know no gzip ask for.
    let gzip: [(&str, Value); 2] = [
        ("application/gzip", bytes()),
        ("application/octet-stream", bytes()),
    ];
    let fields = ["ETag", "Accept-Ranges", "Content-Disposition"];
    Operation::new(method, paths::DOWNLOAD, id, "events", summary)
        .header("SESSIONID", "The session; the query may name it instead.")
        .query_text("session", "The session, when no header names it.")
        .header("Range", "One range of bytes (RFC 9110).")
        .header(
            "If-Range",
            "The entity tag of the bytes that the client already has.",
        )
        .header(
            "If-Match",
            "Entity tags, one of which must be that of the download.",
        )
        .header(
            "If-None-Match",
            "Entity tags, none of which may be that of the download.",
        )
        .gives_as(200, "the whole", &gzip)
        .with_headers(200, &fields)
        .gives_as(206, "the range", &gzip)
        .with_headers(206, &fields)
        .with_headers(206, &["Content-Range"])
        .gives_as(304, "the client has it", &[])
        .errors(&[
            E::BadRequest,
            E::Damaged,
            E::NotFound,
            E::SessionGone,
            E::PreconditionFailed,
            E::RangeNotSatisfiable,
        ])
}
