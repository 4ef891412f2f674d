//! Tokens, and the endpoints that issue them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer of `GET /v2/info`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InfoResponse {
    /// The server's name.
    pub name: String,
    /// The build's version.
    pub build: String,
    /// The version of the original's API that this server speaks.
    pub api_version: String,
    /// Base URL of the login endpoint; the client appends `/oauth/token`.
    pub authorization_endpoint: String,
    /// Base URL of the token endpoint.
    pub token_endpoint: String,
    /// The OpenID provider whose users may log in, if one is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<OidcInfo>,
}

/// How a client gets a token from the OpenID provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OidcInfo {
    /// The provider's issuer URL.
    pub issuer: String,
    /// The client id under which the provider knows this server.
    pub client_id: String,
    /// The scope that a client requests.
    pub scope: String,
}

/// The form of `POST /oauth/token` (RFC 6749 §4.3.2 and §6). `Debug` never shows a secret.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct TokenRequest {
    /// `password`, `refresh_token` or `urn:ietf:params:oauth:grant-type:jwt-bearer`.
    #[serde(default)]
    pub grant_type: String,
    /// The user's name, or `apikey` with the key as password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The user's password or API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// An API key: the original's second way to send one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passcode: Option<String>,
    /// A refresh token of an earlier answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// An ID token of the server's OpenID provider (RFC 7523 §2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<String>,
}

impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRequest")
            .field("grant_type", &self.grant_type)
            .finish_non_exhaustive()
    }
}

/// The form of `POST /oauth/revoke` (RFC 7009 §2.1). `Debug` never shows a secret.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenRevocation {
    /// A refresh token or an access token.
    pub token: String,
}

impl std::fmt::Debug for TokenRevocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRevocation").finish_non_exhaustive()
    }
}

/// The answer of `POST /oauth/token` (RFC 6749 §5.1). `Debug` never shows a secret.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenResponse {
    /// A signed JWT.
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: String,
    /// A refresh token. It works for one exchange; the answer contains the next.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Scopes, separated by spaces.
    pub scope: String,
    /// The access token's id.
    pub jti: String,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse")
            .field("expires_in", &self.expires_in)
            .field("jti", &self.jti)
            .finish_non_exhaustive()
    }
}

/// A refusal of `POST /oauth/token` (RFC 6749 §5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenError {
    /// One of the RFC's words, such as `invalid_grant`.
    pub error: String,
    /// A sentence for people.
    pub error_description: String,
}

impl TokenError {
    /// How the sentence begins that refuses an ingest key, which begins no login.
    pub const INGEST_KEY: &str = "an ingest key begins no login";
}

/// A login of the caller that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Login {
    /// GUID.
    pub id: String,
    /// `browser`, or `client` for a login with tokens.
    pub kind: LoginKind,
    /// What began it.
    pub by: LoginBy,
    /// The public part of the API key that began it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// When it began.
    pub began: String,
    /// When it ends unless it is refreshed or used before.
    pub expires: String,
    /// Whether the request came with it.
    pub current: bool,
}

/// Who has a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoginKind {
    /// A browser, by a cookie.
    Browser,
    /// Any other client, by tokens.
    Client,
}

/// What began a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginBy {
    /// A password.
    Password,
    /// An API key.
    ApiKey,
    /// An OpenID provider.
    Provider,
}

/// The body of `PUT /v3/password`. `Debug` never shows a secret.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The caller's current password.
    pub old: String,
    /// The new password.
    pub new: String,
}

impl std::fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordChange").finish_non_exhaustive()
    }
}
