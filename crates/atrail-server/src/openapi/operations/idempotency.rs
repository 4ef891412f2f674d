//! What several operations say of one header field.

/// What `Idempotency-Key` does, where it does something.
pub(super) const IDEMPOTENCY: &str = "One value of 1 to 255 characters: the request does its work once, however often it is sent under this key.";
