//! The description of a header field that several operations share.

/// What `Idempotency-Key` does for the operations that support it.
pub(super) const IDEMPOTENCY: &str = "One value of 1 to 255 characters: the server carries out the request once, however often the client sends it under this key.";
