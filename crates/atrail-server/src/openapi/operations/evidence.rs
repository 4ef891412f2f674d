//! What proves downloads, and what keeps events from being deleted.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};

use super::super::operation::{Operation, array, schema, string};

const AT_ACCOUNT_LEVEL: &str = "`true`: of the account's own domain and every space.";

/// Each operation.
pub(super) fn all() -> Vec<Operation> {
    let tag = "evidence";
    let holds = || array::<api::HoldRow>();
    vec![
        Operation::open(
            "GET",
            paths::KEYS,
            "showEvidenceKey",
            tag,
            "The key that receipts are verified with, and how it changed",
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
            "The evidence that goes with a session's download: a signed note",
        )
        .id_in_path("GUID of the session")
        .gives_as(200, "the receipt", &[("text/plain", string())])
        .errors(&[E::SessionGone]),
        Operation::new("GET", paths::HOLDS, "listHolds", tag, "Legal holds that stand")
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
        .gives(200, "what stands then", holds())
        .errors(&[E::Conflict, E::StorageFull]),
        Operation::new(
            "DELETE",
            paths::HOLDS,
            "releaseHold",
            tag,
            "Ends the hold that was set on the target; for an owner of the account",
        )
        .in_space()
        .json::<api::HoldRequest>(false)
        .gives(200, "what stands then", holds())
        .errors(&[E::Conflict, E::StorageFull]),
    ]
}
