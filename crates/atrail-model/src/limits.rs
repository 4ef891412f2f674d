//! Every limit on input, in one place.

/// Largest event, in bytes of its JSON text as received.
pub const EVENT_MAX_BYTES: usize = 1 << 20;
/// Largest request body, in bytes after decompression.
pub const REQUEST_MAX_BYTES: usize = 64 << 20;
/// Most distinct hours among the events of one request: each becomes a file of its own when it is sealed.
pub const REQUEST_MAX_HOURS: usize = 4096;
/// Deepest nesting of objects and arrays in an event.
pub const JSON_MAX_DEPTH: usize = 64;
/// How far ahead of the server's clock an `eventTime` may lie, in seconds.
pub const EVENT_TIME_MAX_AHEAD_SECS: i64 = 24 * 60 * 60;
/// Longest name of an account, organization, space or user, in bytes.
pub const NAME_MAX_BYTES: usize = 255;
