//! Evidence of downloads, and legal holds.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};

use super::super::operation::{Operation, array, schema, string};

const AT_ACCOUNT_LEVEL: &str = "`true`: the account's own domain and every space.";

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let tag = "evidence";
    let holds = || array::<api::HoldRow>();
    vec![
        Operation::open(
            "GET",
            paths::KEYS,
            "showEvidenceKey",
            tag,
            "The key that verifies receipts, and its changes",
        )
        .gives(200, "the key", schema::<api::EvidenceKey>()),
        Operation::new(
            "POST",
            paths::KEYS,
            "rotateEvidenceKey",
            tag,
            "Signs with a new key, which the old one endorses in every log; for the server's operator",
        )
        .gives(201, "the new key", schema::<api::EvidenceKey>())
        .errors(&[E::StorageFull]),
        Operation::new(
            "GET",
            paths::SESSION_RECEIPT,
            "showReceipt",
            tag,
            "The receipt of a session: a signed note, the evidence of its download",
        )
        .id_in_path("GUID of the session")
        .gives_as(200, "the receipt", &[("text/plain", string())])
        .errors(&[E::SessionGone]),
        Operation::new("GET", paths::HOLDS, "listHolds", tag, "Legal holds")
            .in_space()
            .query_text("AtAccountLevel", AT_ACCOUNT_LEVEL)
            .gives(200, "one row for each domain and level", holds()),
        Operation::new(
            "POST",
            paths::HOLDS,
            "setHold",
            tag,
            "Forbids every deletion; for an owner of the account",
        )
        .in_space()
        .json::<api::HoldRequest>(true)
        .gives(200, "the holds after the request", holds())
        .errors(&[E::Conflict, E::StorageFull]),
        Operation::new(
            "DELETE",
            paths::HOLDS,
            "releaseHold",
            tag,
            "Releases the hold that was set on the target; for an owner of the account",
        )
        .in_space()
        .json::<api::HoldRequest>(false)
        .gives(200, "the holds after the request", holds())
        .errors(&[E::Conflict, E::StorageFull]),
    ]
}
