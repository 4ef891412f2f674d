//! Header names, lower case as HTTP libraries want them.

/// The access token, with or without the word `bearer` before it.
pub const AUTH_TOKEN: &str = "x-auth-token";
/// The GUID of the targeted space.
pub const PROJECT_ID: &str = "x-auth-project-id";
/// The GUID of the account that a request at account level is about, where the caller has the choice.
pub const ACCOUNT_ID: &str = "x-auth-account-id";
/// The session to download.
pub const SESSION_ID: &str = "sessionid";
/// In an answer: what whoever reads it should know besides, in a sentence; a client shows it to a person.
pub const NOTE: &str = "atrail-note";
/// Names one request in answers and logs.
pub const REQUEST_ID: &str = "x-request-id";
/// Names one request, so that it does its work once however often it is sent
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// In the answer of `POST /v3/events`: how many of the events kept were there already, byte for byte, and are not stored
/// again.
pub const DUPLICATES: &str = "atrail-duplicates";
