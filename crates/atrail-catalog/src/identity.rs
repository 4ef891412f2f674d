//! Users and their credentials (password hashes, API keys, logins), and the roles that they hold.
//!
//! No secret is stored in a usable form: passwords arrive hashed by Argon2id, random secrets by SHA-256.

mod api_keys;
mod browser_logins;
mod columns;
mod external;
mod founding;
mod grants;
mod ingest_keys;
mod ingest_rows;
mod ingest_silence;
mod ingest_uses;
mod invitations;
mod key_home;
mod key_rows;
mod key_uses;
mod login_links;
mod login_records;
mod logins;
mod own_logins;
mod role_rows;
mod standing;
#[cfg(test)]
mod tests;
mod users;
mod warrant;

pub use api_keys::{ApiKey, ApiKeyHolder, KeyHolder, NewApiKey};
pub use browser_logins::BrowserLogin;
pub use external::ExternalUser;
pub use founding::Founding;
pub use grants::{Grant, Granted, Granter, Revoked};
pub use ingest_keys::{IngestSecret, NewIngestKey, Signer};
pub use ingest_rows::IngestKey;
pub use ingest_silence::IngestTurn;
pub use ingest_uses::{IngestCounts, IngestUse};
pub use invitations::{Answerer, Invitation, InvitationId};
pub use key_rows::KeyReach;
pub use logins::{EndedLogin, Exchange, KeptBy, LoginKind, NewLogin, Proof, RECORDS_OF_A_LOGIN};
pub use own_logins::OwnLogin;
pub use users::Credentials;
pub(crate) use warrant::must_stand;

use atrail_disk::Result;
use atrail_model::Warrant;

use super::Catalog;
use super::changes::{Change, Changing};

impl Catalog {
    /// Returns the users, their credentials and roles.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::new(self.clone())
    }
}

/// The server's users.
#[derive(Debug, Clone)]
pub struct Identity {
    catalog: Changing,
    warrant: Option<Warrant>,
}

impl Identity {
    const fn new(catalog: Catalog) -> Self {
        Self {
            catalog: Changing::new(catalog),
            warrant: None,
        }
    }

    /// Returns the same, at the request of a login: every change first verifies that the login's rights are unchanged.
    #[must_use]
    pub fn at_request_of(&self, warrant: Warrant) -> Self {
        Self {
            catalog: self.catalog.clone(),
            warrant: Some(warrant),
        }
    }

    /// Counts changes of users, credentials, roles or tenancy. Anything read of them after this call holds as long as
    /// the count stays the same; a login that begins or is renewed does not change it.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.catalog.count()
    }

    /// Begins a transaction that makes a change, and refuses it when the warrant no longer stands.
    async fn begin(&self, what: &'static str) -> Result<Change> {
        let mut tx = self.catalog.begin(what).await?;
        must_stand(self.warrant.as_ref(), &mut tx).await?;
        Ok(tx)
    }
}
