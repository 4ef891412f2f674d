//! Sending, counting, downloading and deleting events.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};
use atrail_sources::SourceKind;
use serde_json::{Value, json};

use super::super::operation::{Operation, array, schema, string};
use super::idempotency::IDEMPOTENCY;

/// Each operation.
pub(super) fn all() -> Vec<Operation> {
    let answer = json!({"oneOf": [array::<api::AckOrRefusal>(), schema::<api::IngestCounts>()]});
    let types: Vec<_> = SourceKind::all()
        .flat_map(|kind| std::iter::once(kind.name()).chain(kind.aliases().iter().copied()))
        .collect();
    let sent = |id: &'static str| {
        Operation::new(
            "POST",
            paths::EVENTS,
            id,
            "events",
            "Takes in events: one object, an array, lines, or a list such as a CADF log",
        )
    };
    vec![
        sent("sendEvents")
            .in_space()
            .query::<api::IngestQuery>()
            .values("type", &types)
            .header("Content-Encoding", "`gzip`, `zstd` or `identity`.")
            .header("Prefer", "`return=minimal` answers counts only.")
            .header("Idempotency-Key", IDEMPOTENCY)
            .body(
                true,
                &[
                    ("application/json", json!({"type": ["object", "array"]})),
                    ("application/x-ndjson", string()),
                ],
            )
            .gives(
                200,
                "all kept: each event's id and leaf hash, in order",
                answer.clone(),
            )
            .gives(
                207,
                "some refused: what became of each, in order",
                answer.clone(),
            )
            .gives(400, "none kept", answer)
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
            "Deletes events of the days that the query names, both ends; it may also be a JSON body",
        )
        .in_space()
        .query::<api::EventsQuery>()
        .needs(&["start", "end"])
        .gives(200, "how many, and how many bytes", string())
        .errors(&[E::RangeRequired, E::LegalHold, E::StorageFull]),
        download("GET", "download", "The bytes of a session"),
        download("HEAD", "downloadHead", "What the bytes of a session are"),
    ]
}

fn download(method: &'static str, id: &'static str, summary: &'static str) -> Operation {
    let gzip: [(&str, Value); 1] = [("application/gzip", string())];
    let fields = ["ETag", "Accept-Ranges", "Content-Disposition"];
    Operation::new(method, paths::DOWNLOAD, id, "events", summary)
        .header("SESSIONID", "The session. It may be in the query instead.")
        .query_text("session", "The session, when no header names it.")
        .header("Range", "One range of bytes, as RFC 9110 has it.")
        .header("If-Range", "The entity tag of what is already there.")
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
