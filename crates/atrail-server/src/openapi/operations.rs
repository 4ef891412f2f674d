//! The descriptions of every operation, a file for each group. A test compares this table with that of the routes.

mod console;
mod events;
mod evidence;
mod idempotency;
mod ingest_keys;
mod login;
mod logins;
mod options;
mod places;
mod search;
mod server;
mod sessions;
mod tenancy;

use super::operation::Operation;

/// Returns every operation, in the order of the document.
pub(super) fn all() -> Vec<Operation> {
    [
        login::all(),
        console::all(),
        events::all(),
        sessions::all(),
        search::all(),
        options::all(),
        evidence::all(),
        places::all(),
        tenancy::all(),
        logins::all(),
        ingest_keys::all(),
        server::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
