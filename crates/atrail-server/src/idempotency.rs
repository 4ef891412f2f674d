//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a repeated request creates nothing a second time.
//!
//! The server stores no keys. The ids of everything that a request creates follow from its key, so a retry creates the
//! same things, which the store already has.

use atrail_api::headers::IDEMPOTENCY_KEY;
use atrail_model::{SessionId, Target, UserId};
use axum::http::HeaderMap;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::ApiError;

/// Longest key, in bytes.
const KEY_MAX_BYTES: usize = 255;

/// A key together with its caller, as a hash state from which ids follow.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencyKey(Sha256);

impl IdempotencyKey {
    /// Returns the request's key, if it has one. Keys of different callers are independent of each other.
    pub(crate) fn of(headers: &HeaderMap, caller: UserId) -> Result<Option<Self>, ApiError> {
        let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = keys.next() else {
            return Ok(None);
        };
        let is_text = key.to_str().is_ok_and(|text| !text.trim().is_empty());
        if !is_text || key.len() > KEY_MAX_BYTES || keys.next().is_some() {
            return Err(ApiError::bad_request(format!(
                "Idempotency-Key must be one value of 1 to {KEY_MAX_BYTES} visible characters"
            )));
        }
        let mut hasher = Sha256::new();
        hasher.update(caller.as_bytes());
        // The length fixes where the key ends, independent of the bytes that follow.
        hasher.update((key.len() as u64).to_be_bytes());
        hasher.update(key.as_bytes());
        Ok(Some(Self(hasher)))
    }

    /// Returns the id of the event at this position in the request. Another text gets another id, so that an accidental
    /// reuse of a key hides no event.
    pub(crate) fn event_id(&self, index: u64, text: &[u8]) -> String {
        let mut hasher = self.0.clone();
        hasher.update(b"event");
        hasher.update(index.to_be_bytes());
        hasher.update(text);
        id(hasher).to_string()
    }

    /// Returns a hash state that stands for the request.
    pub(crate) fn of_request(&self) -> Sha256 {
        self.0.clone().chain_update(b"request")
    }

    /// Returns the id of the session that the request creates. It follows from the target and from the request's own
    /// words; the same words may mean other days after midnight, and the retry still gets the same session.
    pub(crate) fn session_id(&self, target: Target, words: [Option<&str>; 3]) -> SessionId {
        let mut hasher = self.0.clone();
        hasher.update(b"session");
        hasher.update(target.domain().to_string());
        for word in words {
            // An empty text counts as an absent one.
            let word = word.unwrap_or_default();
            hasher.update((word.len() as u64).to_be_bytes());
            hasher.update(word);
        }
        SessionId::from_bytes(id(hasher).into_bytes())
    }
}

/// Returns a UUID of version 8 (RFC 9562 §5.8).
fn id(hasher: Sha256) -> Uuid {
    let hash = hasher.finalize();
    Uuid::new_v8(*hash.first_chunk().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn key(text: &'static str, caller: UserId) -> IdempotencyKey {
        let headers = HeaderMap::from_iter([(
            IDEMPOTENCY_KEY.parse().unwrap(),
            HeaderValue::from_static(text),
        )]);
        IdempotencyKey::of(&headers, caller).unwrap().unwrap()
    }

    #[test]
    fn ids_follow_from_caller_key_place_and_text() {
        let (ann, bob) = (UserId::generate(), UserId::generate());
        let id = key("k", ann).event_id(0, b"text");
        assert_eq!(id, key("k", ann).event_id(0, b"text"));
        for other in [
            key("l", ann).event_id(0, b"text"),
            key("k", bob).event_id(0, b"text"),
            key("k", ann).event_id(1, b"text"),
            key("k", ann).event_id(0, b"texts"),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn a_key_is_one_short_text() {
        let caller = UserId::generate();
        let of = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
            }
            IdempotencyKey::of(&headers, caller).map(|key| key.is_some())
        };
        assert_eq!(of(&[]).ok(), Some(false));
        assert_eq!(of(&[b"\"a key\""]).ok(), Some(true));
        let long = vec![b'x'; 256];
        for wrong in [
            &[&b""[..]][..],
            &[b" "],
            &[b"\xff"],
            &[b"a", b"b"],
            &[&long],
        ] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
