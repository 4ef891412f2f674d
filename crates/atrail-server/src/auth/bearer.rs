//! Finds the access token of a request.

use atrail_api::headers::AUTH_TOKEN;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// Returns the access token from `X-Auth-Token`, with or without the word `bearer` before it, or from `Authorization:
/// Bearer` (RFC 6750 §2.1). When both are present, the original's header wins.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(AUTH_TOKEN) {
        let value = value.to_str().ok()?.trim();
        let token = after_word(value, "bearer").unwrap_or(value);
        return (!token.is_empty()).then_some(token);
    }
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?.trim();
    after_word(value, "bearer").filter(|token| !token.is_empty())
}

/// Returns the rest after this word and its spaces; the word matches in any case (RFC 9110 §11.1).
pub(crate) fn after_word<'a>(value: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = value.split_once(' ').unwrap_or((value, ""));
    first.eq_ignore_ascii_case(word).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn token_of(name: &'static str, value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        token(&headers).map(str::to_owned)
    }

    #[test]
    fn the_word_may_be_there_in_any_case_or_not() {
        for value in ["T", "bearer T", "Bearer T", "BEARER   T", " T "] {
            assert_eq!(
                token_of("x-auth-token", value).as_deref(),
                Some("T"),
                "{value}"
            );
        }
        for value in ["Bearer T", "bearer T"] {
            assert_eq!(
                token_of("authorization", value).as_deref(),
                Some("T"),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_no_bearer_token_is_none() {
        for value in ["T", "Basic Y2Y6", "Bearer", "Bearer ", ""] {
            assert_eq!(token_of("authorization", value), None, "{value}");
        }
        for value in ["", "bearer", "bearer "] {
            assert_eq!(token_of("x-auth-token", value), None, "{value}");
        }
    }
}
