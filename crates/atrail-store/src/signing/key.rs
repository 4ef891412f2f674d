//! The signing key, in a file of its own that only the server's user can read.

use std::io;
use std::path::{Path, PathBuf};

use atrail_evidence::SigningKey;

use crate::durable;
use crate::error::{Result, StoreError};

const DIR: &str = "keys";
const FILE: &str = "keys/evidence.key";
/// A key that is about to take the place of the other.
const NEXT: &str = "keys/evidence.key.next";
const MODE: u32 = 0o600;

/// The key of the data directory; a new one, under this name or a random one, when there is none.
pub(super) fn load_or_make(data_dir: &Path, server_name: Option<&str>) -> Result<SigningKey> {
    if let Some(key) = load(&data_dir.join(FILE))? {
        return Ok(key);
    }
    let name = match server_name {
        Some(name) => name.to_owned(),
        None => random_name()?,
    };
    let key = signed(SigningKey::generate(&name))?;
    let (dir, path) = (data_dir.join(DIR), data_dir.join(FILE));
    durable::create_dir(&dir).map_err(failed("make a place for", &dir))?;
    durable::write_new(&path, key.to_text().as_bytes(), MODE).map_err(failed("write", &path))?;
    Ok(key)
}

/// The key that a rotation which did not end was going to use.
pub(super) fn next(data_dir: &Path) -> Result<Option<SigningKey>> {
    load(&data_dir.join(NEXT))
}

/// Keeps a key that is about to be used.
pub(super) fn keep_next(data_dir: &Path, key: &SigningKey) -> Result<()> {
    let path = data_dir.join(NEXT);
    durable::replace(&path, key.to_text().as_bytes(), MODE).map_err(failed("write", &path))
}

/// Puts the next key in the place of the one before, durably.
pub(super) fn use_next(data_dir: &Path) -> Result<()> {
    let (from, to) = (data_dir.join(NEXT), data_dir.join(FILE));
    durable::rename(&from, &to).map_err(failed("rename", &from))
}

/// Forgets a next key that nothing was committed with.
pub(super) fn forget_next(data_dir: &Path) -> Result<()> {
    let path = data_dir.join(NEXT);
    durable::remove(&path).map_err(failed("remove", &path))
}

/// What the signing library refuses is a name or text that cannot be signed.
pub(super) fn signed<T, E: std::fmt::Display>(outcome: Result<T, E>) -> Result<T> {
    outcome.map_err(|error| StoreError::Invalid(format!("it cannot be signed: {error}")))
}

fn load(path: &Path) -> Result<Option<SigningKey>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(failed("read", path))?,
    };
    let key = SigningKey::parse(text.trim_end()).map_err(|error| StoreError::Damaged {
        what: format!("the signing key {}", path.display()),
        why: format!(
            "{error}. Restore it from a backup: with another key no earlier evidence goes on"
        ),
    })?;
    Ok(Some(key))
}

/// Two servers whose names nobody chose do not sign under one name.
fn random_name() -> Result<String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(StoreError::Random)?;
    Ok(format!("atrail-{}", atrail_evidence::hex(&bytes)))
}

fn failed(what: &str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let what = format!(
        "cannot {what} the signing key {}",
        PathBuf::from(path).display()
    );
    |source| StoreError::Directory { what, source }
}
