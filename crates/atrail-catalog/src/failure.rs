//! Converts failures of the database into errors of the store.

use std::fmt::Display;

use atrail_disk::{Result, StoreError};

use super::sql::{database_error, has_nul, is_taken};
use crate::sql;

/// Turns a database error into one that names the attempted operation; a text that no catalog may have, into `Invalid`.
pub(super) fn failed_to(what: &'static str) -> impl FnOnce(sql::Error) -> StoreError {
    move |source| {
        if has_nul(&source) {
            return StoreError::Invalid(NO_NUL.to_owned());
        }
        StoreError::Catalog {
            what,
            source: database_error(source),
        }
    }
}

/// Returns the error for a row that means nothing.
pub(super) fn malformed(why: impl Display) -> StoreError {
    StoreError::Damaged {
        what: "the catalog".to_owned(),
        why: why.to_string(),
    }
}

const NO_NUL: &str = "names and other texts may not contain the character U+0000 (NUL)";

/// Refuses a text that no catalog may have, for what becomes a part of a log's entry.
///
/// # Errors
/// `Invalid`.
pub(super) fn refuse_nul(text: &str) -> Result<()> {
    if sql::is_storable(text) {
        return Ok(());
    }
    Err(StoreError::Invalid(NO_NUL.to_owned()))
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

#[cfg(test)]
mod tests;
