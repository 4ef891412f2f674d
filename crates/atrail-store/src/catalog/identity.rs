//! Users and what proves who they are: password hashes, API keys, logins; and the roles that they hold.
//!
//! No secret is here in a form that lets anybody in: passwords come hashed by Argon2id, random secrets by SHA-256.

mod api_keys;
mod external;
mod founding;
mod grants;
mod logins;
mod roles;
mod scopes;
#[cfg(test)]
mod tests;
mod users;

pub use api_keys::{ApiKey, ApiKeyHolder, NewApiKey};
pub use external::ExternalUser;
pub use founding::Founding;
pub use grants::Grant;
pub use logins::{Exchange, LoginId, LoginKind, NewLogin, Standing};
pub use roles::{AccountRole, HeldRole, SpaceRole};
pub use scopes::{KeyScope, KeyScopes};
pub use users::{Credentials, User};

use super::Catalog;

/// The server's users.
#[derive(Debug, Clone)]
pub struct Identity {
    catalog: Catalog,
}

impl Identity {
    pub(super) const fn new(catalog: Catalog) -> Self {
        Self { catalog }
    }
}
