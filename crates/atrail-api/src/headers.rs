//! Header names, in lower case as HTTP libraries require.

/// The access token, with or without the word `bearer` before it.
pub const AUTH_TOKEN: &str = "x-auth-token";
/// The GUID of the targeted space.
pub const PROJECT_ID: &str = "x-auth-project-id";
/// The GUID of the account that a request at account level addresses, for a caller with several accounts.
pub const ACCOUNT_ID: &str = "x-auth-account-id";
/// The session to download.
pub const SESSION_ID: &str = "sessionid";
/// In an answer: a sentence that the caller should also know. A client shows it to its user.
pub const NOTE: &str = "atrail-note";
/// In a request of the console's pages: `1`. A page of another origin cannot send it.
pub const CONSOLE: &str = "x-atrail-console";
/// Identifies one request in answers and logs.
pub const REQUEST_ID: &str = "x-request-id";
/// Identifies one request, so that the server carries it out once, however often the client sends it
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// In the answer of `POST /v3/events`: the number of kept events that were already stored, byte for byte, and that the
/// server does not store again.
pub const DUPLICATES: &str = "atrail-duplicates";
/// In the answer of a stored event or its proof: base64 of its leaf hash.
pub const LEAF: &str = "atrail-leaf";
/// In the answer of a stored event or its proof: the day of its time.
pub const DAY: &str = "atrail-day";
/// In the answer of a stored event or its proof: GUID of its space, or of the account for the account's own domain.
pub const SPACE: &str = "atrail-space";
