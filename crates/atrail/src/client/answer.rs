//! Reads answers: never more bytes than the caller allows, and never longer than that number of bytes justifies.
//!
//! The other end may be an impostor, or broken. Only this file reads a body into memory; `clippy.toml` forbids the
//! library's own methods, which have no bound. A download's bytes bypass this file, because the manifest bounds them.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

/// Largest answer about a single object: a token, a key, a session, an error. In bytes.
pub(crate) const ONE_MAX_BYTES: u64 = 1 << 20;
/// Largest answer that is a list, in bytes.
pub(crate) const LIST_MAX_BYTES: u64 = 64 << 20;

/// Longest wait for the first byte of a body.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lowest average speed of a body after that, in bytes per second.
const LEAST_BYTES_PER_SECOND: u64 = 16 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// The connection broke; another attempt may succeed.
    #[error("the answer broke off")]
    Network(#[source] reqwest::Error),
    /// The body is larger than any valid answer.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// The body arrives so slowly that it might never end.
    #[error("the answer did not end: {0} bytes came in {1} seconds")]
    TooSlow(u64, u64),
}

/// Reads the whole body, of at most `max_bytes`.
///
/// # Errors
/// When the connection breaks, or the body is too large or too slow. The rest of the body is then left unread.
pub(crate) async fn read(mut response: Response, max_bytes: u64) -> Result<Bytes, Unread> {
    if response
        .content_length()
        .is_some_and(|length| length > max_bytes)
    {
        return Err(Unread::TooLarge(max_bytes));
    }
    let start = Instant::now();
    let mut body = BytesMut::new();
    loop {
        let came = body.len() as u64;
        let allowed = PATIENCE + Duration::from_secs(came / LEAST_BYTES_PER_SECOND);
        let Ok(chunk) = timeout_at(start + allowed, response.chunk()).await else {
            return Err(Unread::TooSlow(came, start.elapsed().as_secs()));
        };
        let Some(chunk) = chunk.map_err(Unread::Network)? else {
            return Ok(body.freeze());
        };
        if came + chunk.len() as u64 > max_bytes {
            return Err(Unread::TooLarge(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
}
