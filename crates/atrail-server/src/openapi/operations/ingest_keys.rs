//! Ingest keys.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};

use super::super::operation::{Operation, list, schema};

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let tag = "tenancy";
    vec![
        Operation::new(
            "GET",
            paths::INGEST_KEYS,
            "listIngestKeys",
            tag,
            "Ingest keys of the accounts that the caller owns, without their secrets; for the operator, all",
        )
        .query::<api::IngestKeysQuery>()
        .gives(200, "keys", list::<api::IngestKey>())
        .errors(&[E::Forbidden, E::NotFound]),
        Operation::new(
            "POST",
            paths::INGEST_KEYS,
            "createIngestKey",
            tag,
            "Creates a key that only sends, to one space or to an account's own domain; for an owner of the account, and the operator",
        )
        .json::<api::IngestKeyCreate>(true)
        .gives(
            201,
            "the key, with its secret, which the server never shows again",
            schema::<api::IngestKeyCreated>(),
        )
        .errors(&[E::Forbidden, E::NotFound, E::Conflict, E::AccountRequired]),
        Operation::new(
            "GET",
            paths::INGEST_KEY,
            "showIngestKey",
            tag,
            "An ingest key, without its secret",
        )
        .id_in_path("the public part")
        .gives(200, "the key", schema::<api::IngestKey>())
        .errors(&[E::Forbidden]),
        Operation::new(
            "POST",
            paths::INGEST_KEY,
            "rotateIngestKey",
            tag,
            "Gives an ingest key another secret; the one before works for a while",
        )
        .id_in_path("the public part")
        .json::<api::IngestKeyRotate>(false)
        .gives(
            201,
            "the key, with its new secret, which the server never shows again",
            schema::<api::IngestKeyCreated>(),
        )
        .errors(&[E::Forbidden, E::Conflict]),
        Operation::new(
            "DELETE",
            paths::INGEST_KEY,
            "deleteIngestKey",
            tag,
            "Deletes an ingest key, which ends at once",
        )
        .id_in_path("the public part")
        .gives(200, "ended", schema::<api::Deleted>())
        .errors(&[E::Forbidden]),
    ]
}
