//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that is sent again makes nothing a second time.
//!
//! Nothing is remembered for it. The ids of what a request makes follow from its key, so that a retry makes the same
//! things, and the store has them already.

use atrail_api::headers::IDEMPOTENCY_KEY;
use atrail_model::{SessionId, Target, UserId};
use axum::http::HeaderMap;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::ApiError;

/// Longest key, in bytes.
const KEY_MAX_BYTES: usize = 255;

/// What one caller's key stands for.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencyKey(Sha256);

impl IdempotencyKey {
    /// The request's key, if it has one. Keys of different callers have nothing to do with each other.
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
        // The key's end is known from its length, whatever follows.
        hasher.update((key.len() as u64).to_be_bytes());
        hasher.update(key.as_bytes());
        Ok(Some(Self(hasher)))
    }

    /// The id of the event at this place in the request. Another text gets another id, so that a key that is used a second
    /// time by mistake hides nothing.
    pub(crate) fn event_id(&self, index: u64, text: &[u8]) -> String {
        let mut hasher = self.0.clone();
        hasher.update(b"event");
        hasher.update(index.to_be_bytes());
        hasher.update(text);
        id(hasher).to_string()
    }

    /// The id of the session that the request makes: of its target and of its own words, which mean other days when it
    /// comes again after midnight.
    pub(crate) fn session_id(&self, target: Target, words: [Option<&str>; 3]) -> SessionId {
        let mut hasher = self.0.clone();
        hasher.update(b"session");
        hasher.update(target.domain().to_string());
        for word in words {
            // An empty text is the same as none.
            let word = word.unwrap_or_default();
            hasher.update((word.len() as u64).to_be_bytes());
            hasher.update(word);
        }
        SessionId::from_bytes(id(hasher).into_bytes())
    }
}

/// A UUID of version 8 (RFC 9562 §5.8).
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
