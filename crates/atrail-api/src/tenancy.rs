//! Accounts, organizations, spaces, users, roles and API keys. The shapes of lists, organizations and spaces are those
//! of Cloud Foundry v3.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A list in the shape of Cloud Foundry v3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The elements.
    pub resources: Vec<T>,
}

/// The query of `GET /v3/organizations` and `GET /v3/spaces`. Lists are comma-separated.
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

/// What a thing belongs to, in the shape of Cloud Foundry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Relationships {
    /// The organization of a space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Relation>,
    /// The account of an organization or of a space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Relation>,
}

impl Relationships {
    /// Returns whether the thing with this GUID is among them.
    #[must_use]
    pub fn names(&self, guid: &str) -> bool {
        let all = [&self.organization, &self.account];
        all.into_iter()
            .flatten()
            .any(|relation| relation.data.guid == guid)
    }
}

/// A reference by GUID, in the shape of Cloud Foundry: `{"data":{"guid":…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Relation {
    /// Holds the GUID.
    pub data: RelationData,
}

/// The inner part of a [`Relation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RelationData {
    /// GUID of the referenced thing.
    pub guid: String,
}

impl Relation {
    /// Returns a reference to the thing with this GUID.
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
    /// Its organization and its account.
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

/// A user, without any secret.
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
    /// The first password; null: the user has none, and uses the API keys that an owner makes for the user.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub password: Option<String>,
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

/// A role. The account or space that it is held in limits its reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Of an account: allows everything.
    Owner,
    /// Of a space: allows sending, reading, deleting and setting options.
    Developer,
    /// Of an account or a space: allows reading.
    Auditor,
    /// Of a space, or of an account's own domain: allows sending alone.
    Writer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Developer, Self::Auditor, Self::Writer];

    /// Returns the role's name.
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

/// A role that a user holds: body and answer of `/v3/roles`. Exactly one of `account` and `space` is present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct RoleGrant {
    /// Name or GUID of the user.
    pub user: String,
    /// What the user may do.
    pub role: Role,
    /// GUID of the account that the role is held in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// GUID of the space that the role is held in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
}

/// A role in the list of `GET /v3/roles`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldRole {
    /// Name of the user.
    pub user: String,
    /// What the user may do.
    pub role: Role,
    /// GUID of the account that the role is held in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// GUID of the space that the role is held in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// Whether the role follows from the identity provider's statement at the user's last login there.
    pub claimed: bool,
}

/// A role that awaits acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// GUID.
    pub id: String,
    /// The invited name; no user need have it.
    pub user: String,
    /// The offered role.
    pub role: Role,
    /// GUID of the account that the role lies in.
    pub account: String,
    /// That account's name.
    pub account_name: String,
    /// GUID of the space that the role is for; absent for a role of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// RFC 3339, UTC.
    pub create_time: String,
    /// When the invitation expires; RFC 3339, UTC.
    pub expire_time: String,
}

/// The result of deleting a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpaceDeleted {
    /// What the server did, or would do.
    pub message: String,
    /// Number of events in the space.
    pub events: u64,
    /// Bytes of their lines.
    pub size: u64,
    /// Whether the events were deleted, or would be; otherwise they stay with the account.
    pub with_events: bool,
}

/// The query of `DELETE /v3/spaces/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SpaceDelete {
    /// Whether to delete the space's events too. Otherwise they stay with the account, under the account's retention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_events: Option<bool>,
    /// Whether to report only how many events the space holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// A kind of request that an API key allows. It narrows the holder's roles and grants nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Counting, sessions, downloads.
    Read,
    /// Sending events.
    Send,
    /// Deleting events, and setting options.
    Delete,
    /// Managing tenancy, users, roles, keys and passwords.
    Manage,
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// The public part.
    pub id: String,
    /// The name that the key's maker chose for it.
    pub name: String,
    /// Name of the holder, in whose name the key acts.
    #[serde(default)]
    pub user: String,
    /// Name of the owner who made the key for its holder; absent: the holder made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<String>,
    /// RFC 3339, UTC.
    pub create_time: String,
    /// The kinds of request that the key allows.
    pub scopes: Vec<KeyScope>,
    /// When the key expires, if it does; RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<String>,
    /// When a request last carried the key, or a client logged in with it; RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_time: Option<String>,
    /// GUID of the account that the key's requests address when they name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// GUID of the space that the key's requests address when they name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// Whether the key works nowhere but in this space, or, without one, in this account.
    #[serde(default)]
    pub bound: bool,
}

/// The body of `POST /v3/api_keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyCreate {
    /// The name that the key's maker chooses for it.
    pub name: String,
    /// Name or GUID of the user whose key it is, for an owner of an account in which that user has a role; absent: the
    /// caller. A key for another user is bound to the account, or to a space of it, and never has the scope `manage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The kinds of request that the key allows; absent: everything that its holder may do, and for a bound key all but
    /// `manage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<KeyScope>>,
    /// Seconds until the key expires; absent: the key does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// GUID of the account that the key is bound to: it works nowhere else, and cannot have the scope `manage`. When both
    /// this and `space` are absent, the key works wherever its holder does, and requests that name no place address the
    /// account, and the space, in which the holder holds roles, if that is one place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// GUID of the space that the key is bound to: it works nowhere else. An owner of the account is a developer there by
    /// the key, and an auditor its auditor; the key cannot have the scope `manage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
}

/// The query of `GET /v3/api_keys`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ApiKeysQuery {
    /// Name or GUID of the user whose keys to list; absent: the caller's own. The server's operator sees all of them, an
    /// owner of an account those that are bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// GUID of the account whose bound keys to list, for its owners and the server's operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// The key that `DELETE /v3/api_keys` deletes: body or query.
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
    /// The name that the key's maker chose for it.
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
