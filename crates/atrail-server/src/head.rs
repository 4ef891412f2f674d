//! Checks a request's head before the server uses any part.
//!
//! A field that names the caller or the target of the request must occur only once: a proxy in front might read one
//! occurrence, and the server another.

use atrail_api::headers::{AUTH_TOKEN, IDEMPOTENCY_KEY, PROJECT_ID, SESSION_ID};
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, IF_RANGE, RANGE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Fields that a request may contain once.
const SINGLE: [HeaderName; 9] = [
    HOST,
    AUTHORIZATION,
    CONTENT_TYPE,
    RANGE,
    IF_RANGE,
    HeaderName::from_static(AUTH_TOKEN),
    HeaderName::from_static(PROJECT_ID),
    HeaderName::from_static(SESSION_ID),
    HeaderName::from_static(IDEMPOTENCY_KEY),
];

/// Refuses an ambiguous head.
pub(crate) async fn check(request: Request, next: Next) -> Response {
    match refusal(request.version(), request.headers()) {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    }
}

fn refusal(version: Version, headers: &HeaderMap) -> Option<ApiError> {
    for name in &SINGLE {
        if headers.get_all(name).iter().nth(1).is_some() {
            return Some(ApiError::bad_request(format!(
                "the header field {name} occurs more than once: send it once"
            )));
        }
    }
    // RFC 9112 §3.2: only an HTTP/1.0 request may omit the host.
    if version == Version::HTTP_11 && !headers.contains_key(HOST) {
        return Some(ApiError::bad_request("the header field host is missing"));
    }
    let host = headers.get(HOST)?;
    (!is_host(host)).then(|| {
        ApiError::bad_request(
            "the header field host is neither a name nor an address, with or without a port",
        )
    })
}

/// Returns whether the value is `uri-host [ ":" port ]` (RFC 9110 §7.2). The host of a URL without one is empty.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    text.is_empty() || (!text.contains('@') && text.parse::<Authority>().is_ok())
}

#[cfg(test)]
mod tests {
    use axum::http::header::{IF_MATCH, IF_NONE_MATCH};

    use super::*;

    #[test]
    fn what_must_be_single_is() {
        let mut headers = HeaderMap::new();
        assert!(refusal(Version::HTTP_11, &headers).is_some());
        assert!(refusal(Version::HTTP_10, &headers).is_none());
        headers.insert(HOST, HeaderValue::from_static("h"));
        for name in [IF_MATCH, IF_NONE_MATCH] {
            headers.append(&name, HeaderValue::from_static("\"a\""));
            headers.append(&name, HeaderValue::from_static("\"b\""));
        }
        assert!(refusal(Version::HTTP_11, &headers).is_none());
        for name in SINGLE {
            let mut twice = headers.clone();
            twice.remove(&name);
            twice.append(&name, HeaderValue::from_static("x"));
            assert!(refusal(Version::HTTP_10, &twice).is_none(), "{name}");
            twice.append(&name, HeaderValue::from_static("x"));
            assert!(refusal(Version::HTTP_10, &twice).is_some(), "{name}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        let is_taken = |host: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_bytes(host).unwrap());
            refusal(Version::HTTP_11, &headers).is_none()
        };
        for host in [
            "",
            "h",
            "at.example.com:443",
            "127.0.0.1:8181",
            "[::1]:80",
            "a_b",
        ] {
            assert!(is_taken(host.as_bytes()), "{host}");
        }
        for host in [
            "e\"<x>/@a b",
            "a b",
            "u@h",
            "h/p",
            "h?q",
            "h:80:80",
            "[::1",
            "h\\x",
        ] {
            assert!(!is_taken(host.as_bytes()), "{host}");
        }
        assert!(!is_taken(b"h\xff"));
    }
}
