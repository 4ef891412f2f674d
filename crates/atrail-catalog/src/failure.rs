//! Converts failures of the database into errors of the store.

use std::fmt::Display;

use atrail_disk::StoreError;

use super::sql::{database_error, is_taken};
use crate::sql;

/// Turns a database error into one that names the attempted operation.
pub(super) fn failed_to(what: &'static str) -> impl FnOnce(sql::Error) -> StoreError {
    move |source| StoreError::Catalog {
        what,
        source: database_error(source),
    }
}

/// Returns the error for a row that means nothing.
pub(super) fn malformed(why: impl Display) -> StoreError {
    StoreError::Damaged {
        what: "the catalog".to_owned(),
        why: why.to_string(),
    }
}

/// Turns a violated UNIQUE constraint into a conflict with this message, anything else into a failure to do `what`.
pub(super) fn taken_or_failed_to(
    what: &'static str,
    taken: impl FnOnce() -> String,
) -> impl FnOnce(sql::Error) -> StoreError {
    move |source| {
        if is_taken(&source) {
            StoreError::Conflict(taken())
        } else {
            failed_to(what)(source)
        }
    }
}
