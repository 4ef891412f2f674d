//! The receipt that goes with a download.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use atrail_api::Session;
use atrail_evidence::Receipt;

use super::id_of;
use crate::client::Client;
use crate::commands::session;
use crate::error::{CliError, Result};
use crate::evidence;
use crate::settings::Settings;
use crate::state::durable;

/// Where the receipt of a file goes: `FILE.receipt`.
pub(crate) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".receipt");
    name.into()
}

/// Refuses when another session's receipt, or anything else, is where this one is to go.
pub(super) fn refuse_foreign(path: &Path, session: &Session) -> Result<()> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        text => text.unwrap_or_default(),
    };
    match Receipt::parse(&text) {
        Ok((receipt, _)) if receipt.session == session.id => Ok(()),
        _ => Err(CliError::failed(format!(
            "{} is there already, and is not of this download",
            path.display()
        ))
        .hint("choose another -o or --receipt, or --force")),
    }
}

/// Fetches the session's receipt, compares it with what this client saw before, and keeps it in a file: after a crash it is
/// there completely or not at all.
pub(super) async fn keep(
    settings: &Settings,
    client: &Client,
    session: &Session,
    path: &Path,
) -> Result<()> {
    let Some(bytes) = session::receipt(client, id_of(session)?).await? else {
        settings
            .printer
            .warn("warning: the session has no receipt; what is downloaded proves nothing");
        return Ok(());
    };
    let note = std::str::from_utf8(&bytes)
        .map_err(|error| CliError::corrupt("the receipt cannot be read").because(error))?;
    if let Some(key) = evidence::current_key(settings, client).await? {
        evidence::take_note(settings, &key, note)?;
    }
    durable::replace(path, &bytes)
        .map_err(|error| CliError::file(format!("could not write {}", path.display()), error))
}
