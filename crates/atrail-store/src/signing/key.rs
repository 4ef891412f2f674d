//! The signing key among the server's secrets.

use std::io;

use atrail_disk::{Result, StoreError};
use atrail_evidence::SigningKey;

use crate::secrets::Secrets;

const KEY: &str = "evidence.key";
/// A key that is about to replace the current one.
const NEXT: &str = "evidence.key.next";

/// Returns the stored key; when there is none, creates one, under this name or a random one.
pub(super) fn load_or_make(secrets: &dyn Secrets, server_name: Option<&str>) -> Result<SigningKey> {
    if let Some(key) = load(secrets, KEY)? {
        return Ok(key);
    }
    let name = match server_name {
        Some(name) => name.to_owned(),
        None => random_name()?,
    };
    let key = signed(SigningKey::generate(&name))?;
    let made = secrets.create(KEY, &key.to_text());
    made.map_err(failed(secrets, "write", KEY))?;
    Ok(key)
}

/// Returns the new key of an unfinished rotation.
pub(super) fn next(secrets: &dyn Secrets) -> Result<Option<SigningKey>> {
    load(secrets, NEXT)
}

/// Stores a key that is about to be used.
pub(super) fn keep_next(secrets: &dyn Secrets, key: &SigningKey) -> Result<()> {
    let kept = secrets.replace(NEXT, &key.to_text());
    kept.map_err(failed(secrets, "write", NEXT))
}

/// Replaces the current key with the next one, durably.
pub(super) fn use_next(secrets: &dyn Secrets) -> Result<()> {
    let renamed = secrets.rename(NEXT, KEY);
    renamed.map_err(failed(secrets, "rename", NEXT))
}

/// Deletes a next key that no commit used.
pub(super) fn forget_next(secrets: &dyn Secrets) -> Result<()> {
    let removed = secrets.remove(NEXT);
    removed.map_err(failed(secrets, "remove", NEXT))
}

/// Converts an error of the signing library: a name or text that cannot be signed.
pub(super) fn signed<T, E: std::fmt::Display>(outcome: Result<T, E>) -> Result<T> {
    outcome.map_err(|error| StoreError::Invalid(format!("it cannot be signed: {error}")))
}

fn load(secrets: &dyn Secrets, name: &str) -> Result<Option<SigningKey>> {
    let text = secrets.load(name);
    let Some(text) = text.map_err(failed(secrets, "read", name))? else {
        return Ok(None);
    };
    let key = SigningKey::parse(text.trim_end()).map_err(|error| StoreError::Damaged {
        what: format!("the signing key {}", secrets.place(name)),
        why: format!(
            "{error}. Restore it from a backup: another key cannot continue earlier evidence"
        ),
    })?;
    Ok(Some(key))
}

/// Returns a random name, so that two servers without a chosen name do not share one.
fn random_name() -> Result<String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(StoreError::Random)?;
    Ok(format!("atrail-{}", atrail_evidence::hex(&bytes)))
}

fn failed(secrets: &dyn Secrets, what: &str, name: &str) -> impl FnOnce(io::Error) -> StoreError {
    let what = format!("cannot {what} the signing key {}", secrets.place(name));
    |source| StoreError::Directory { what, source }
}
