//! The console's own calls: logins of browsers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Role;

/// The body of `POST /v3/console/login`: a user name and a password, an API key, or the secret of a link. `Debug` never shows a secret.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsoleLogin {
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// An API key: the login has its scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// The secret of a link that `POST /v3/console/links` made: it works once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// The answer of `POST /v3/console/links`. `Debug` never shows the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleLink {
    /// The address that logs a browser in once.
    pub link: String,
    /// When it expires.
    pub expires: String,
}

impl std::fmt::Debug for ConsoleLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsoleLink")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ConsoleLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsoleLogin").finish_non_exhaustive()
    }
}

/// The login of a browser, its user, and what the user may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleMe {
    /// The user.
    pub user: ConsoleIdentity,
    /// Whether the user is an operator of the server.
    pub operator: bool,
    /// The login.
    pub login: ConsoleLoginState,
    /// The server.
    pub server: ConsoleServer,
    /// The OpenID provider whose users may log in, if one is configured.
    pub oidc: Option<ConsoleOidc>,
    /// The accounts that the user may know of.
    pub accounts: Vec<ConsoleAccount>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleIdentity {
    /// GUID.
    pub id: String,
    /// The user's name.
    pub name: String,
}

/// The state of a browser's login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleLoginState {
    /// GUID.
    pub id: String,
    /// When it began.
    pub began: String,
    /// When it ends unless it is used before.
    pub expires: String,
    /// When it ends at the latest.
    pub ends: String,
    /// Until when it is fresh: changes that want a fresh login are refused after this, until the user logs in again.
    pub fresh_until: String,
    /// What an API key allows the login, or `null` when no key limits it.
    pub scopes: Option<Vec<String>>,
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleServer {
    /// The name that it signs under.
    pub name: String,
    /// The build's version.
    pub version: String,
    /// The key that verifies its evidence, in the notation of C2SP signed-note.
    pub vkey: String,
    /// How many keys it had before this one, each of which endorses the next.
    pub generation: u64,
    /// Its limits, as far as people meet them.
    pub limits: ConsoleLimits,
}

/// Limits of the server, as far as people meet them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleLimits {
    /// Open sessions that one user may have in a space.
    pub open_sessions: u64,
    /// Seconds after its last use at which a session expires.
    pub session_idle_s: u64,
}

/// An OpenID provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleOidc {
    /// The host of its issuer URL.
    pub name: String,
}

/// An account that the user may know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleAccount {
    /// GUID.
    pub id: String,
    /// The account's name.
    pub name: String,
    /// The user's roles of the account.
    pub roles: Vec<Role>,
    /// Its organizations that the user may know of.
    pub organizations: Vec<ConsoleOrganization>,
}

/// An organization that the user may know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleOrganization {
    /// GUID.
    pub id: String,
    /// The organization's name.
    pub name: String,
    /// Its spaces that the user may know of.
    pub spaces: Vec<ConsoleSpace>,
}

/// A space that the user may know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsoleSpace {
    /// GUID.
    pub id: String,
    /// The space's name.
    pub name: String,
    /// The user's roles of the space.
    pub roles: Vec<Role>,
}
