//! The receipt of a download.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use atrail_api::Session;
use atrail_evidence::{MAX_RECEIPT_BYTES, Receipt, hex};
use sha2::{Digest, Sha256};

use super::wanted::id_of;
use crate::client::Client;
use crate::commands::evidence_text::text_in;
use crate::commands::session;
use crate::error::{CliError, Result};
use crate::platform;
use crate::settings::Settings;
use crate::state::durable;
use crate::trusted_keys;

/// Returns the path of a file's receipt: `FILE.receipt`.
pub(crate) fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".receipt");
    name.into()
}

/// Refuses when another session's receipt, or anything else, is in the place of this one.
pub(super) fn refuse_foreign(path: &Path, session: &Session) -> Result<()> {
    match read(path) {
        Ok(None) => Ok(()),
        Ok(Some(receipt)) if receipt.session == session.id => Ok(()),
        found => {
            let what = format!(
                "{} exists: choose another -o or --receipt, or --force to replace it",
                path.display()
            );
            let why = match found {
                Ok(Some(receipt)) => format!("it is the receipt of session {}", receipt.session),
                _ => "it is not a receipt".to_owned(),
            };
            Err(CliError::failed(what).hint(why))
        }
    }
}

/// Reads the receipt at the path, if anything is there.
///
/// # Errors
/// When the file is not a receipt, or cannot be read.
pub(super) fn read(path: &Path) -> Result<Option<Receipt>> {
    let nothing = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
    if std::fs::symlink_metadata(path).is_err_and(|error| nothing(&error)) {
        return Ok(None);
    }
    let file = platform::open_plain(path).map_err(|error| CliError::unreadable(path, error))?;
    let text = text_in(file, path, MAX_RECEIPT_BYTES)?;
    let (receipt, _) = Receipt::parse(&text).map_err(|error| {
        CliError::failed(format!("{} is not a receipt", path.display())).because(error)
    })?;
    Ok(Some(receipt))
}

/// Fetches the session's receipt, compares it with what this client saw before, and writes it to a file. After a crash,
/// the file is complete or absent.
pub(super) async fn keep(
    settings: &Settings,
    client: &Client,
    session: &Session,
    path: &Path,
) -> Result<()> {
    let Some(bytes) = session::receipt(client, id_of(session)?).await? else {
        settings
            .printer
            .warn("warning: the session has no receipt; the download proves nothing");
        return Ok(());
    };
    let note = std::str::from_utf8(&bytes)
        .map_err(|error| CliError::corrupt("the receipt cannot be read").because(error))?;
    let (receipt, _) = Receipt::parse(note)
        .map_err(|error| CliError::corrupt("the receipt cannot be read").because(error))?;
    let etag = hex(&Sha256::digest(&receipt.manifest));
    if receipt.session != session.id || etag != session.etag {
        return Err(CliError::corrupt("the receipt belongs to another session")
            .because(format!("session {}, entity tag {etag}", receipt.session)));
    }
    let keys = trusted_keys::current::current_keys(settings, client).await?;
    if !keys.is_empty() {
        trusted_keys::take_note(settings, &keys, note)?;
    }
    durable::replace_private(path, &bytes)
        .map_err(|error| CliError::file(format!("could not write {}", path.display()), error))
}
