//! The signing key among the server's secrets.

use std::io;

use atrail_evidence::SigningKey;

use crate::error::{Result, StoreError};
use crate::secrets::Secrets;

const KEY: &str = "evidence.key";
/// A key that is about to take the place of the other.
const NEXT: &str = "evidence.key.next";

/// The key that is kept; a new one, under this name or a random one, when there is none.
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

/// The key that a rotation which did not end was going to use.
pub(super) fn next(secrets: &dyn Secrets) -> Result<Option<SigningKey>> {
    load(secrets, NEXT)
}

/// Keeps a key that is about to be used.
pub(super) fn keep_next(secrets: &dyn Secrets, key: &SigningKey) -> Result<()> {
    let kept = secrets.replace(NEXT, &key.to_text());
    kept.map_err(failed(secrets, "write", NEXT))
}

/// Puts the next key in the place of the one before, durably.
pub(super) fn use_next(secrets: &dyn Secrets) -> Result<()> {
    let renamed = secrets.rename(NEXT, KEY);
    renamed.map_err(failed(secrets, "rename", NEXT))
}

/// Forgets a next key that nothing was committed with.
pub(super) fn forget_next(secrets: &dyn Secrets) -> Result<()> {
    let removed = secrets.remove(NEXT);
    removed.map_err(failed(secrets, "remove", NEXT))
}

/// What the signing library refuses is a name or text that cannot be signed.
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

fn failed(secrets: &dyn Secrets, what: &str, name: &str) -> impl FnOnce(io::Error) -> StoreError {
    let what = format!("cannot {what} the signing key {}", secrets.place(name));
    |source| StoreError::Directory { what, source }
}
