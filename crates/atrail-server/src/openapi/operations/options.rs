//! How long events are kept.

use atrail_api as api;
use atrail_api::paths;

use super::super::operation::{Operation, array};

/// Each operation.
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
            "`true`: of the account's own domain and every space.",
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
    ]
}
