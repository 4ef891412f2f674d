//! Fetches one session and its parts, and prints it.

use atrail_api::{Checkpoint, Session, SessionState, paths};
use atrail_evidence::MAX_RECEIPT_BYTES;
use atrail_model::SessionId;

use crate::client::{Call, Client, Names, NamesOf};
use crate::error::Result;
use crate::settings::Settings;
use crate::tool::Spelling;

/// Fetches one session of the caller.
pub(crate) async fn fetch(client: &Client, id: SessionId) -> Result<Session> {
    client.json(Call::get(path(paths::SESSION, id))).await
}

/// Fetches one session of the caller, if it still exists and is whole.
pub(crate) async fn fetch_if_whole(client: &Client, id: SessionId) -> Result<Option<Session>> {
    let call = Call::get(path(paths::SESSION, id));
    let session: Option<Session> = client.json_if_there(call).await?;
    Ok(session.filter(|session| session.state != SessionState::Gone))
}

/// Fetches the manifest of the session's objects, byte for byte as served.
pub(crate) async fn manifest(client: &Client, id: SessionId) -> Result<bytes::Bytes> {
    let call = Call::get(path(paths::SESSION_MANIFEST, id));
    client
        .bytes(call.answer_of_at_most(MAX_RECEIPT_BYTES))
        .await
}

/// Fetches the receipt of the session's download, byte for byte as served.
pub(crate) async fn receipt(client: &Client, id: SessionId) -> Result<Option<bytes::Bytes>> {
    let call = Call::get(path(paths::SESSION_RECEIPT, id)).answer_of_at_most(MAX_RECEIPT_BYTES);
    client.bytes_if_there(call).await
}

pub(super) fn path(pattern: &str, id: SessionId) -> String {
    pattern.replace("{id}", &id.to_string())
}

/// Prints a session's rows: the original's first, then our own.
pub(super) async fn print(settings: &Settings, client: &Client, session: &Session) -> Result<()> {
    let names = Names::fetch(settings, client, &[NamesOf::Spaces]).await;
    let text = |value: &str| value.to_owned();
    let mut rows = vec![
        ("username", text(&session.username)),
        ("create-time", text(&session.create_time)),
        ("access-time", text(&session.access_time)),
        ("date-range", compact(&session.date_range)),
        ("type-account", type_account(session)),
        ("id", text(&session.id)),
        ("space", names.of(&session.space)),
    ];
    if settings.spelling == Spelling::Own {
        rows.extend([
            ("search-time", text(&session.search_time)),
            (
                "state",
                compact(&session.state).trim_matches('"').to_owned(),
            ),
            ("events", session.events.to_string()),
            ("size-bytes", session.size_bytes.to_string()),
            ("total-bytes", session.total_bytes.to_string()),
            ("downloaded-bytes", session.downloaded_bytes.to_string()),
            ("expire-time", text(&session.expire_time)),
            ("etag", text(&session.etag)),
        ]);
        rows.extend(session.checkpoints.iter().map(|pinned| {
            let Checkpoint { domain, size, root } = pinned;
            ("checkpoint", format!("{domain} {size} {root}"))
        }));
    }
    settings.printer.properties(&rows, session)
}

pub(super) fn compact(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns the types as the original printed them: the account's mark only where it is set.
fn type_account(session: &Session) -> String {
    if session.types.at_account_level {
        return compact(&session.types);
    }
    compact(&serde_json::json!({ "Type": session.types.kind }))
}
