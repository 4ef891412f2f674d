//! What a change rests on: the rights that the caller had when the request was judged. The transaction that writes the
//! change looks whether they still stand, since a request may have waited in between: for its body, a password's hash, a
//! lock.

use std::sync::Arc;

use atrail_model::Timestamp;
use sqlx::SqliteConnection;

use super::logins::{LoginId, Standing, standing};
use crate::error::{Result, StoreError};

/// The login that asks for a change, and what it was worth when the request was judged.
#[derive(Debug, Clone)]
pub struct Warrant {
    login: LoginId,
    judged: Arc<Standing>,
    now: Timestamp,
}

impl Warrant {
    /// The request of a login that was judged by this standing; `now` is the moment of the change.
    #[must_use]
    pub const fn new(login: LoginId, judged: Arc<Standing>, now: Timestamp) -> Self {
        Self { login, judged, now }
    }

    /// Refuses the change unless the login is worth the same as when the request was judged: to be called in the
    /// transaction that makes the change.
    ///
    /// # Errors
    /// `LoginEnded`, `RightsChanged`, or when the catalog fails.
    pub(crate) async fn must_stand(&self, connection: &mut SqliteConnection) -> Result<()> {
        match standing(connection, self.login, self.now).await? {
            None => Err(StoreError::LoginEnded),
            Some(standing) if standing.is_worth_as_much_as(&self.judged) => Ok(()),
            Some(_) => Err(StoreError::RightsChanged),
        }
    }
}
