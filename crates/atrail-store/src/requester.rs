//! Who asks for what goes on record.

use sqlx::SqliteConnection;

use crate::catalog::Warrant;
use crate::error::Result;

/// Who asks for something that a domain's log records.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requester<'a> {
    /// The name of the user.
    pub name: &'a str,
    /// The id of the request; may be empty.
    pub request: &'a str,
    /// Why, in the user's words; may be empty.
    pub reason: &'a str,
    /// The rights that the request was judged by; the transaction that does it looks whether they still stand. `None` when
    /// nobody has to have any.
    pub warrant: Option<&'a Warrant>,
}

impl Requester<'_> {
    /// Refuses what was asked for when the rights do not stand any more: to be called in the transaction that does it.
    ///
    /// # Errors
    /// `LoginEnded`, `RightsChanged`, or when the catalog fails.
    pub(crate) async fn must_stand(&self, connection: &mut SqliteConnection) -> Result<()> {
        match self.warrant {
            Some(warrant) => warrant.must_stand(connection).await,
            None => Ok(()),
        }
    }
}

impl<'a> From<&'a str> for Requester<'a> {
    /// Somebody of this name, with nothing else known.
    fn from(name: &'a str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }
}
