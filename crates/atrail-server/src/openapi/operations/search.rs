//! Finding, counting and exporting events by a query.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};

use super::super::by_hand::{EVENT, reference};
use super::super::operation::{Operation, bytes, schema};

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let errors = [E::QueryInvalid, E::SearchTooLarge, E::TooMany];
    vec![
        Operation::new(
            "POST",
            paths::SEARCH,
            "search",
            "search",
            "Finds the events that match a query",
        )
        .about(
            "The answer has two lines for each hit: its place (`HitPlace`), and the event as it is stored. Its last line \
             is a `SearchEnd`. Where that line is missing, the answer was cut.",
        )
        .in_space()
        .json::<api::SearchQuery>(false)
        .gives_as(
            200,
            "places and events, in turn, and the end",
            &[(
                "application/x-ndjson",
                serde_json::json!({"anyOf": [schema::<api::HitPlace>(), reference(EVENT), schema::<api::SearchEnd>()]}),
            )],
        )
        .errors(&errors),
        Operation::new(
            "POST",
            paths::AGGREGATE,
            "aggregate",
            "search",
            "Counts the events that match a query, in all, by time and by value; every count is exact",
        )
        .in_space()
        .json::<api::AggregateQuery>(false)
        .gives(200, "the counts", schema::<api::Aggregates>())
        .errors(&errors),
        Operation::new(
            "POST",
            paths::EXPORTS,
            "createExport",
            "search",
            "Prepares an export of all events that match a query, which the caller can fetch for an hour",
        )
        .in_space()
        .json::<api::ExportQuery>(false)
        .gives(201, "the export's id", schema::<api::NewExport>())
        .errors(&errors),
        Operation::new(
            "GET",
            paths::EXPORT,
            "fetchExport",
            "search",
            "The events of an export, without a limit of their number",
        )
        .about("Only the user who prepared the export can fetch it. An export that breaks off closes the connection.")
        .id_in_path("The export.")
        .gives_as(
            200,
            "the events, in the format of the export",
            &[
                ("application/x-ndjson", bytes()),
                ("application/json", bytes()),
                ("text/csv", bytes()),
            ],
        )
        .with_headers(200, &["Content-Disposition"])
        .errors(&[E::BadRequest, E::Forbidden, E::SearchTooLarge, E::TooMany]),
    ]
}
