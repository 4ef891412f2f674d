//! What API keys and ingest keys have in common: each is found, and deleted, by its public part, within a caller's reach.

use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, UserId};

use super::Identity;
use crate::failure::failed_to;
use crate::sql::{self, On, Row};

/// The keys that a caller may know of.
#[derive(Debug, Clone, Copy)]
pub enum KeyReach<'a> {
    /// All keys, for the operator.
    All,
    /// A user's own, and those that are bound to the accounts that the user owns.
    Of(UserId, &'a [AccountId]),
}

/// A kind of key, with the statements for the one that has a public part.
pub(super) trait KeyRow: Sized {
    /// What messages call it.
    const CALLED: &'static str;
    const SELECT: &'static str;
    const DELETE: &'static str;

    fn of_row(row: &Row) -> Result<Self>;
    fn is_within(&self, reach: KeyReach<'_>) -> bool;
}

/// Returns the key with this public part.
pub(super) async fn key_called<'c, K: KeyRow>(
    on: impl Into<On<'c>>,
    id: &str,
    what: &'static str,
) -> Result<Option<K>> {
    let row = sql::query(K::SELECT).bind(id).fetch_optional(on).await;
    row.map_err(failed_to(what))?
        .as_ref()
        .map(K::of_row)
        .transpose()
}

/// Returns the key with this public part within reach; `NotFound` when there is none.
pub(super) async fn key_within<'c, K: KeyRow>(
    on: impl Into<On<'c>>,
    reach: KeyReach<'_>,
    id: &str,
    what: &'static str,
) -> Result<K> {
    let key: Option<K> = key_called(on, id, what).await?;
    key.filter(|key| key.is_within(reach))
        .ok_or_else(no_key::<K>)
}

/// Deletes a key within reach, and returns it.
pub(super) async fn delete_key<K: KeyRow>(
    identity: &Identity,
    reach: KeyReach<'_>,
    id: &str,
    what: &'static str,
) -> Result<K> {
    let mut tx = identity.begin(what).await?;
    let key = key_within(&mut *tx, reach, id, what).await?;
    let deleted = sql::query(K::DELETE).bind(id).execute(&mut *tx).await;
    deleted.map_err(failed_to(what))?;
    tx.commit().await?;
    Ok(key)
}

pub(super) fn no_key<K: KeyRow>() -> StoreError {
    StoreError::NotFound {
        what: K::CALLED.to_owned(),
    }
}
