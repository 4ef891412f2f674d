//! Paths of the API, in axum's notation where they hold a parameter.

/// The token endpoints, and the server's name and version.
pub const INFO: &str = "/v2/info";
/// Tokens (RFC 6749).
pub const TOKEN: &str = "/oauth/token";
/// Tokens, at the original's path.
pub const TOKEN_LEGACY: &str = "/UAALoginServerWAR/oauth/token";
/// Revokes the login that a token belongs to (RFC 7009).
pub const REVOKE: &str = "/oauth/revoke";
/// The JWKS of the token signing keys (RFC 7517).
pub const TOKEN_KEYS: &str = "/token_keys";
/// The caller's download sessions.
pub const SESSIONS: &str = "/v3/sessions";
/// One download session.
pub const SESSION: &str = "/v3/sessions/{id}";
/// The manifest of a session: its objects and their hashes. The manifest's SHA-256 is the download's `ETag`.
pub const SESSION_MANIFEST: &str = "/v3/sessions/{id}/manifest";
/// The receipt of a session: the evidence that goes with its download.
pub const SESSION_RECEIPT: &str = "/v3/sessions/{id}/receipt";
/// The key that verifies evidence.
pub const KEYS: &str = "/v3/keys";
/// Legal holds.
pub const HOLDS: &str = "/v3/holds";
/// Sends, counts and deletes events.
pub const EVENTS: &str = "/v3/events";
/// The bytes of a session.
pub const DOWNLOAD: &str = "/v3/events/download";
/// Retention.
pub const OPTIONS: &str = "/v3/options";
/// How the server's clock compares with the time that passed, by which retention deletes.
pub const RETENTION: &str = "/v3/retention";
/// Organizations, as Cloud Foundry lists them.
pub const ORGANIZATIONS: &str = "/v3/organizations";
/// One organization.
pub const ORGANIZATION: &str = "/v3/organizations/{id}";
/// Spaces, as Cloud Foundry lists them.
pub const SPACES: &str = "/v3/spaces";
/// One space.
pub const SPACE: &str = "/v3/spaces/{id}";
/// Accounts.
pub const ACCOUNTS: &str = "/v3/accounts";
/// One account.
pub const ACCOUNT: &str = "/v3/accounts/{id}";
/// Users.
pub const USERS: &str = "/v3/users";
/// One user.
pub const USER: &str = "/v3/users/{id}";
/// Grants of roles.
pub const ROLES: &str = "/v3/roles";
/// Roles that await acceptance.
pub const INVITATIONS: &str = "/v3/invitations";
/// One invitation.
pub const INVITATION: &str = "/v3/invitations/{id}";
/// The caller's API keys.
pub const API_KEYS: &str = "/v3/api_keys";
/// The caller's own password.
pub const PASSWORD: &str = "/v3/password";
/// Liveness.
pub const HEALTHZ: &str = "/healthz";
/// Readiness to accept events.
pub const READYZ: &str = "/readyz";
/// Metrics for Prometheus.
pub const METRICS: &str = "/metrics";
/// The description of this API (OpenAPI 3.1).
pub const OPENAPI: &str = "/openapi.json";
