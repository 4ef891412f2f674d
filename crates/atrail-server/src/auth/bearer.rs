//! Finds the credential of a request: an access token, or an API key itself.

use std::borrow::Cow;

use atrail_api::headers::AUTH_TOKEN;
use atrail_api::paths::is_receiver;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Uri};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::secrets::API_KEY_PREFIX;
use crate::fields::only;

/// Base64, with or without its padding: senders differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The credential of a request. It has no `Debug`, so that no log shows it.
pub(crate) enum Bearer<'a> {
    /// An access token.
    Token(&'a str),
    /// A text in the place of an API key.
    ApiKey(Cow<'a, str>),
}

/// Headers in which senders that know no other carry a key (GitLab).
const KEY_HEADERS: [&str; 2] = ["x-gitlab-event-streaming-token", "x-gitlab-token"];
/// Names under which a query may carry a key, where senders of other products deliver.
const KEY_PARAMETERS: [&str; 2] = ["access_token", "token"];

/// Returns the credential of a request. When `X-Auth-Token` is present and not empty, the original's header wins; then
/// comes `Authorization`, then the headers of senders that know no other, and last the query. A header that is there
/// twice is no credential: two parties could mean different ones by it. So is a query that has two.
///
/// `X-Auth-Token`, with or without the word `bearer` before it, and `Authorization: Bearer` (RFC 6750 §2.1) carry a token
/// or a key. A key may also come as the password of any user (`Authorization: Basic`, RFC 7617), or under the schemes
/// of clients that know no other: Elasticsearch's `ApiKey`, alone or as the base64 of `id:key`, Splunk's `Splunk`,
/// `Token token=K`, and `token=K` without a scheme. Only where senders of other products deliver may the query carry
/// one (`access_token=K`, RFC 6750 §2.3, or `token=K`), because queries end up in the logs of proxies.
pub(crate) fn credential<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<Bearer<'a>> {
    if let Some(value) = only(headers, AUTH_TOKEN)?.filter(|value| !value.is_empty()) {
        return token_or_key(after_word(value, "bearer").unwrap_or(value));
    }
    if let Some(value) = only(headers, AUTHORIZATION)? {
        return authorization(value);
    }
    for name in KEY_HEADERS {
        if let Some(value) = only(headers, name)? {
            return key(value);
        }
    }
    in_query(uri)
}

/// Returns the credential in the value of `Authorization`.
fn authorization(value: &str) -> Option<Bearer<'_>> {
    if let Some(text) = after_word(value, "bearer") {
        return token_or_key(text);
    }
    if let Some(text) = after_word(value, "basic") {
        return Some(Bearer::ApiKey(after_colon(text)?.into()));
    }
    if let Some(text) = after_word(value, "apikey") {
        let key = match after_colon(text) {
            Some(key) if !text.starts_with(API_KEY_PREFIX) => key.into(),
            _ => text.into(),
        };
        return Some(Bearer::ApiKey(key));
    }
    if let Some(text) = after_word(value, "splunk") {
        return key(text);
    }
    let text = after_word(value, "token").unwrap_or(value);
    let (name, text) = text.split_once('=')?;
    let text = text.trim().trim_matches('"');
    name.trim()
        .eq_ignore_ascii_case("token")
        .then(|| key(text))?
}

/// Returns the key in the query of a request to a receiver. Keys need no percent-encoding.
fn in_query(uri: &Uri) -> Option<Bearer<'_>> {
    let query = uri.query().filter(|_| is_receiver(uri.path()))?;
    let mut found = query.split('&').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        KEY_PARAMETERS.contains(&name).then_some(value)
    });
    let text = found.next()?;
    if found.next().is_some() {
        return None;
    }
    key(text)
}

fn key(text: &str) -> Option<Bearer<'_>> {
    (!text.is_empty()).then(|| Bearer::ApiKey(text.into()))
}

fn token_or_key(text: &str) -> Option<Bearer<'_>> {
    match text {
        "" => None,
        key if key.starts_with(API_KEY_PREFIX) => Some(Bearer::ApiKey(key.into())),
        token => Some(Bearer::Token(token)),
    }
}

/// Returns what follows the first colon of a text in base64.
fn after_colon(text: &str) -> Option<String> {
    let text = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
    let (_, after) = text.split_once(':')?;
    Some(after.to_owned())
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

    /// Returns the credential as a text that states its kind.
    fn sent(name: &'static str, value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(value).unwrap();
        headers.insert(HeaderName::from_static(name), value);
        shown(credential(&headers, &Uri::from_static("/")))
    }

    fn shown(sent: Option<Bearer<'_>>) -> Option<String> {
        sent.map(|sent| match sent {
            Bearer::Token(token) => format!("token {token}"),
            Bearer::ApiKey(key) => format!("key {key}"),
        })
    }

    #[test]
    fn a_query_carries_a_key_only_where_other_products_deliver() {
        let sent = |uri: &'static str| {
            let uri = Uri::from_static(uri);
            shown(credential(&HeaderMap::new(), &uri))
        };
        for uri in [
            "/cloudevents?access_token=atk_1_2",
            "/services/collector/event?token=atk_1_2",
            "/es/_bulk?refresh=true&token=atk_1_2&timeout=1m",
        ] {
            assert_eq!(sent(uri).as_deref(), Some("key atk_1_2"), "{uri}");
        }
        for uri in [
            "/v3/events?token=atk_1_2",
            "/es/_search?access_token=atk_1_2",
            "/cloudevents?access_token=",
            "/cloudevents?access_token=atk_1_2&token=atk_1_2",
            "/cloudevents?tokens=atk_1_2",
            "/cloudevents",
        ] {
            assert_eq!(sent(uri), None, "{uri}");
        }
    }

    #[test]
    fn a_header_wins_over_the_query() {
        let uri = Uri::from_static("/cloudevents?token=atk_3_4");
        let mut headers = HeaderMap::new();
        assert_eq!(
            shown(credential(&headers, &uri)).as_deref(),
            Some("key atk_3_4")
        );
        headers.insert("x-gitlab-token", HeaderValue::from_static("atk_1_2"));
        assert_eq!(
            shown(credential(&headers, &uri)).as_deref(),
            Some("key atk_1_2")
        );
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Digest x"));
        assert_eq!(shown(credential(&headers, &uri)), None);
    }

    #[test]
    fn gitlab_sends_a_key_in_a_header_of_its_own() {
        for name in KEY_HEADERS {
            assert_eq!(
                sent(name, "atk_1_2").as_deref(),
                Some("key atk_1_2"),
                "{name}"
            );
            assert_eq!(sent(name, ""), None, "{name}");
        }
    }

    #[test]
    fn the_word_may_be_there_in_any_case_or_not() {
        for (text, expected) in [("T", "token T"), ("atk_1_2", "key atk_1_2")] {
            for before in ["", "bearer ", "Bearer ", "BEARER   ", " "] {
                let value = format!("{before}{text}");
                let found = sent("x-auth-token", &value);
                assert_eq!(found.as_deref(), Some(expected), "{value}");
            }
            for before in ["Bearer ", "bearer "] {
                let value = format!("{before}{text}");
                let found = sent("authorization", &value);
                assert_eq!(found.as_deref(), Some(expected), "{value}");
            }
        }
    }

    #[test]
    fn a_key_comes_under_the_schemes_of_other_servers() {
        for value in [
            // "any:atk_1_2", ":atk_1_2" and "apikey:atk_1_2"
            "Basic YW55OmF0a18xXzI=",
            "basic YW55OmF0a18xXzI",
            "Basic OmF0a18xXzI=",
            "Basic YXBpa2V5OmF0a18xXzI=",
            "ApiKey atk_1_2",
            "APIKEY  atk_1_2",
            "ApiKey YW55OmF0a18xXzI=",
            "Splunk atk_1_2",
            "splunk atk_1_2",
            "token=atk_1_2",
            "Token token=atk_1_2",
            "token token=\"atk_1_2\"",
        ] {
            let found = sent("authorization", value);
            assert_eq!(found.as_deref(), Some("key atk_1_2"), "{value}");
        }
        // A token comes under none of them.
        for value in ["ApiKey T", "Splunk T", "Basic YW55OlQ="] {
            let found = sent("authorization", value);
            assert_eq!(found.as_deref(), Some("key T"), "{value}");
        }
    }

    #[test]
    fn the_header_of_the_original_wins() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer atk_1_2"));
        assert!(matches!(
            credential(&headers, &Uri::from_static("/")),
            Some(Bearer::ApiKey(_))
        ));
        headers.insert(AUTH_TOKEN, HeaderValue::from_static("T"));
        assert!(matches!(
            credential(&headers, &Uri::from_static("/")),
            Some(Bearer::Token("T"))
        ));
        // An empty one is none.
        for empty in ["", " "] {
            headers.insert(AUTH_TOKEN, HeaderValue::from_static(empty));
            let uri = Uri::from_static("/");
            let found = credential(&headers, &uri);
            assert!(matches!(found, Some(Bearer::ApiKey(_))), "{empty:?}");
        }
    }

    #[test]
    fn a_header_that_is_there_twice_is_no_credential() {
        for name in [HeaderName::from_static("x-auth-token"), AUTHORIZATION] {
            let mut headers = HeaderMap::new();
            headers.append(&name, HeaderValue::from_static("Bearer T"));
            assert!(
                credential(&headers, &Uri::from_static("/")).is_some(),
                "the control: {name}"
            );
            headers.append(&name, HeaderValue::from_static("Bearer T"));
            assert!(
                credential(&headers, &Uri::from_static("/")).is_none(),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_no_credential_is_none() {
        // The last ones are no base64, "cf" without a colon, and no UTF-8.
        for value in [
            "T",
            "Bearer",
            "Bearer ",
            "",
            "atk_1_2",
            "Digest T",
            "Basic",
            "Basic ?",
            "Basic Y2Y=",
            "Basic OP8=",
            "token=",
            "Token atk_1_2",
            "Token key=atk_1_2",
            "Splunk",
        ] {
            assert_eq!(sent("authorization", value), None, "{value}");
        }
        for value in ["", "bearer", "bearer "] {
            assert_eq!(sent("x-auth-token", value), None, "{value}");
        }
    }
}
