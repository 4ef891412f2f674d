//! The warrant of a change: the rights that the caller had when the request was authorized. The transaction that makes
//! the change verifies that they still stand, because a request may have waited in between: for its body, a password's
//! hash, a lock.

use atrail_disk::{Result, StoreError};
use atrail_model::Warrant;

use super::standing::standing;
use crate::sql::Connection;

/// Refuses a change unless the login that requests it has the same rights as when the request was authorized. The
/// caller calls it in the transaction that makes the change. Without a warrant no rights are required.
///
/// # Errors
/// `LoginEnded`, `RightsChanged`, or when the catalog fails.
pub(crate) async fn must_stand(
    warrant: Option<&Warrant>,
    connection: &mut Connection,
) -> Result<()> {
    let Some(warrant) = warrant else {
        return Ok(());
    };
    match standing(connection, warrant.login(), warrant.now()).await? {
        None => Err(StoreError::LoginEnded),
        Some(standing) if standing.is_worth_as_much_as(warrant.judged()) => Ok(()),
        Some(_) => Err(StoreError::RightsChanged),
    }
}
