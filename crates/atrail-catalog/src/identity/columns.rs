//! Reads columns that several queries share: a user, a role, the scopes of an API key.

use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, AccountRole, HeldRole, KeyScopes, SpaceRole, User};

use crate::row::Columns;
use crate::sql::Row;

/// Returns the role of a row with `role`, `account` and `space`, and the account of the role.
pub(super) fn held_role(row: &Row) -> Result<(HeldRole, AccountId)> {
    let word = row.text("role")?;
    let account = row.id("account")?;
    let role = match row.optional_id("space")? {
        Some(space) => SpaceRole::of_word(&word).map(|role| HeldRole::Space(space, role)),
        None => AccountRole::of_word(&word).map(|role| HeldRole::Account(account, role)),
    };
    let role = role.ok_or_else(|| StoreError::Damaged {
        what: "the catalog".to_owned(),
        why: format!("there is no role {word:?}"),
    })?;
    Ok((role, account))
}

/// Returns the scopes of a row; a key from before scopes existed has all of them.
pub(super) fn scopes(row: &Row) -> Result<KeyScopes> {
    let words = row.optional_text("scopes")?;
    Ok(words.map_or(KeyScopes::ALL, |words| KeyScopes::of_words(&words)))
}

pub(super) fn user(row: &Row) -> Result<User> {
    Ok(User {
        id: row.id("guid")?,
        name: row.text("name")?,
        operator: row.integer("operator")? != 0,
    })
}
