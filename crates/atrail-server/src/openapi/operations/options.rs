//! How long events are kept.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};

use super::super::operation::{Operation, array, schema};

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let tag = "options";
    vec![
        Operation::new(
            "GET",
            paths::OPTIONS,
            "showOptions",
            tag,
            "How long events are kept",
        )
        .in_space()
        .query_text(
            "AtAccountLevel",
            "`true`: the account's own domain and every space.",
        )
        .gives(200, "one row for each domain", array::<api::OptionRow>()),
        Operation::new(
            "PUT",
            paths::OPTIONS,
            "setOptions",
            tag,
            "Sets how long events are kept",
        )
        .in_space()
        .json::<api::OptionsRequest>(true)
        .gives(200, "one row for each domain", array::<api::OptionRow>()),
        Operation::new(
            "GET",
            paths::RETENTION,
            "showRetention",
            tag,
            "How the server's clock compares with the time that passed, by which retention deletes; for the server's operator",
        )
        .gives(200, "the comparison", schema::<api::RetentionState>()),
        Operation::new(
            "POST",
            paths::RETENTION,
            "resumeRetention",
            tag,
            "Confirms that the server's clock is right: from now on, retention follows it; for the server's operator",
        )
        .gives(200, "the comparison after the request", schema::<api::RetentionState>())
        .errors(&[E::StorageFull]),
        Operation::new(
            "GET",
            paths::INDEX,
            "showIndex",
            tag,
            "What the search index lacks, and what was done to it last; for the server's operator",
        )
        .gives(200, "the index", schema::<api::IndexState>()),
        Operation::new(
            "POST",
            paths::INDEX,
            "careForIndex",
            tag,
            "Verifies the search index, or makes it anew, in the background; for the server's operator",
        )
        .json::<api::IndexRequest>(false)
        .gives(202, "the index as it goes on", schema::<api::IndexState>()),
    ]
}
