//! For the server's operators.

use atrail_api::{ErrorCode as E, paths};
use serde_json::{Value, json};

use super::super::operation::{Operation, string};

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let tag = "operations";
    let text: [(&str, Value); 1] = [("text/plain", string())];
    vec![
        Operation::open("GET", paths::HEALTHZ, "alive", tag, "The process is alive")
            .gives_as(200, "alive", &text),
        Operation::open(
            "GET",
            paths::READYZ,
            "ready",
            tag,
            "The server accepts events and the catalog answers",
        )
        .gives_as(200, "ready", &text)
        .errors(&[E::StorageFull]),
        Operation::open(
            "GET",
            paths::METRICS,
            "metrics",
            tag,
            "Metrics for Prometheus, in its text format 0.0.4",
        )
        .gives_as(200, "the metrics", &text),
        Operation::open("GET", paths::OPENAPI, "openapi", tag, "This document").gives(
            200,
            "the document",
            json!({"type": "object"}),
        ),
    ]
}
