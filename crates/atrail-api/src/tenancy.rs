//! Accounts, organizations, spaces, users, roles and API keys; the first shapes are Cloud Foundry v3's.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A list, as Cloud Foundry v3 answers one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The things themselves.
    pub resources: Vec<T>,
}

/// The query of `GET /v3/organizations` and `GET /v3/spaces`; lists are comma-separated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
pub struct NamesQuery {
    /// Only these names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<String>,
    /// Only spaces of these organizations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_guids: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// GUID.
    pub guid: String,
    /// Unique on the server.
    pub name: String,
}

/// The body of `POST /v3/accounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountCreate {
    /// Unique on the server.
    pub name: String,
}

/// What a thing belongs to, as Cloud Foundry writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Relationships {
    /// The organization of a space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Relation>,
    /// The account of an organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Relation>,
}

/// A reference by GUID, as Cloud Foundry writes it: `{"data":{"guid":…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Relation {
    /// Holds the GUID.
    pub data: RelationData,
}

/// The inner part of a [`Relation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RelationData {
    /// GUID of the other thing.
    pub guid: String,
}

impl Relation {
    /// A reference to the thing with this GUID.
    #[must_use]
    pub fn to(guid: impl ToString) -> Self {
        Self {
            data: RelationData {
                guid: guid.to_string(),
            },
        }
    }
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// GUID.
    pub guid: String,
    /// Unique in its account.
    pub name: String,
    /// Its account.
    pub relationships: Relationships,
}

/// The body of `POST /v3/organizations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrganizationCreate {
    /// Unique in its account.
    pub name: String,
    /// Names the account.
    pub relationships: Relationships,
}

/// A space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Space {
    /// GUID.
    pub guid: String,
    /// Unique in its organization.
    pub name: String,
    /// Its organization.
    pub relationships: Relationships,
}

/// The body of `POST /v3/spaces`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpaceCreate {
    /// Unique in its organization.
    pub name: String,
    /// Names the organization.
    pub relationships: Relationships,
}

/// A user, never with a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// GUID.
    pub guid: String,
    /// Unique on the server.
    pub name: String,
    /// Whether the user manages accounts and users.
    pub operator: bool,
}

/// The body of `POST /v3/users`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserCreate {
    /// Unique on the server.
    pub name: String,
    /// The first password.
    pub password: String,
    /// Whether the user manages accounts and users.
    #[serde(default)]
    pub operator: bool,
}

impl std::fmt::Debug for UserCreate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserCreate")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A role; where it is held decides its reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Of an account: everything.
    Owner,
    /// Of a space: send, read, delete, options.
    Developer,
    /// Of an account or a space: read.
    Auditor,
    /// Of a space, or of an account's own domain: send, no more.
    Writer,
}

impl Role {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Developer, Self::Auditor, Self::Writer];

    /// As it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Developer => "developer",
            Self::Auditor => "auditor",
            Self::Writer => "writer",
        }
    }
}

/// A role that a user holds; body and answer of `/v3/roles`. Exactly one of the two places is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct RoleGrant {
    /// Name of the user, or the GUID.
    pub user: String,
    /// What the user may do.
    pub role: Role,
    /// GUID of the account that it holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// GUID of the space that it holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
}

/// A role as `GET /v3/roles` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldRole {
    /// Name of the user.
    pub user: String,
    /// What the user may do.
    pub role: Role,
    /// GUID of the account that it holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// GUID of the space that it holds for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// Whether it came of what the identity provider said at the user's last login there.
    pub claimed: bool,
}

/// A role that waits to be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// GUID.
    pub id: String,
    /// The name that was invited; it need not be anybody's.
    pub user: String,
    /// What is offered.
    pub role: Role,
    /// GUID of the account that it lies in.
    pub account: String,
    /// That account's name.
    pub account_name: String,
    /// GUID of the space that it is of; without one it is of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// RFC 3339, UTC.
    pub create_time: String,
    /// Until when it can be accepted; RFC 3339, UTC.
    pub expire_time: String,
}

/// What became of a space, and of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpaceDeleted {
    /// What was done, or would be.
    pub message: String,
    /// Events that the space holds, or held.
    pub events: u64,
    /// Bytes of their lines.
    pub size: u64,
    /// Whether they were deleted, or would be; else they stay with the account.
    pub with_events: bool,
}

/// The query of `DELETE /v3/spaces/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SpaceDelete {
    /// Delete its events too. Without it they stay with the account, under the account's retention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_events: Option<bool>,
    /// Only say how many events it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// What an API key is good for. It narrows the holder's roles and gives nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Counting, sessions, downloads.
    Read,
    /// Sending events.
    Send,
    /// Deleting events, and options.
    Delete,
    /// Tenancy, users, roles, keys and passwords.
    Manage,
}

/// An API key, never with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// The public part.
    pub id: String,
    /// What the user calls it.
    pub name: String,
    /// RFC 3339, UTC.
    pub create_time: String,
    /// What it is good for.
    pub scopes: Vec<KeyScope>,
    /// When it ends by itself, if ever; RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<String>,
    /// When somebody last logged in with it; RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_time: Option<String>,
    /// GUID of the account that its requests are about when they name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// GUID of the space that its requests are about when they name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
}

/// The body of `POST /v3/api_keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyCreate {
    /// What the user calls it.
    pub name: String,
    /// What it is good for; everything that its holder may do when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<KeyScope>>,
    /// Seconds until it ends by itself; it does not when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// GUID of the account that its requests are about when they name none. Without this and a space: the account, and the
    /// space, where the holder holds roles, if that is one place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// GUID of the space that its requests are about when they name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
}

/// The query of `GET /v3/api_keys`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ApiKeysQuery {
    /// Whose keys, by name; for the server's operator. The caller's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// Which key `DELETE /v3/api_keys` means: body or query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyDelete {
    /// The public part.
    pub id: String,
}

/// The only answer that ever holds a key's secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyCreated {
    /// The public part.
    pub id: String,
    /// What the user calls it.
    pub name: String,
    /// The whole key: `atk_<id>_<random><checksum>`.
    pub key: String,
}

impl std::fmt::Debug for ApiKeyCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeyCreated")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
