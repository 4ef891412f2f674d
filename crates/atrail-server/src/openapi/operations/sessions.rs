//! Frozen scopes for downloads.

use super::super::by_hand::{MANIFEST, reference};
use super::super::operation::{Operation, array, schema};
use super::idempotency::IDEMPOTENCY;
use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let tag = "sessions";
    vec![
        Operation::new(
            "GET",
            paths::SESSIONS,
            "listSessions",
            tag,
            "The caller's open sessions, of the targeted space or of all",
        )
        .in_space()
        .gives(200, "by time of creation", array::<api::Session>()),
        Operation::new(
            "POST",
            paths::SESSIONS,
            "createSession",
            tag,
            "Freezes a scope; without a body, the current day",
        )
        .in_space()
        .header("Idempotency-Key", IDEMPOTENCY)
        .json::<api::SessionRequest>(false)
        .gives(201, "the session", schema::<api::Session>())
        .errors(&[E::TooMany, E::StorageFull]),
        Operation::new(
            "GET",
            paths::SESSION,
            "showSession",
            tag,
            "One session of the caller",
        )
        .id_in_path("GUID of the session")
        .gives(200, "the session", schema::<api::Session>()),
        Operation::new(
            "DELETE",
            paths::SESSION,
            "deleteSession",
            tag,
            "Ends a session of the caller",
        )
        .id_in_path("GUID of the session")
        .gives(200, "ended", schema::<api::Deleted>()),
        Operation::new(
            "GET",
            paths::SESSION_MANIFEST,
            "showManifest",
            tag,
            "The manifest of a session: the bytes whose SHA-256 is the download's entity tag",
        )
        .id_in_path("GUID of the session")
        .gives(
            200,
            "the objects, in the order of the download",
            reference(MANIFEST),
        )
        .errors(&[E::SessionGone]),
    ]
}
