//! The cookie of a browser's login: how it is set, and how it comes back.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use super::own_origins;
use crate::settings::Settings;

/// The cookie's name. Browsers accept the prefix for a cookie that is `Secure`, of this host alone, and of all its paths.
const NAME: &str = "__Host-atrail";
/// Its name for browsers that refuse a `Secure` cookie over plain HTTP even on loopback.
const LOOPBACK_NAME: &str = "atrail";
/// The name of the cookie of a browser that is at the OpenID provider.
const PENDING_NAME: &str = "__Host-atrail-oidc";
/// Its name for browsers that refuse a `Secure` cookie over plain HTTP even on loopback.
const LOOPBACK_PENDING_NAME: &str = "atrail-oidc";
/// Seconds for which that cookie lives.
const PENDING_SECS: u32 = 600;

/// Returns the value of a request's cookie. One that comes twice is none: two parties could mean different ones by it.
pub(crate) fn sent<'a>(settings: &Settings, headers: &'a HeaderMap) -> Option<&'a str> {
    either(settings, headers, NAME, LOOPBACK_NAME)
}

/// The same for the cookie of a browser that was at the OpenID provider.
pub(crate) fn pending<'a>(settings: &Settings, headers: &'a HeaderMap) -> Option<&'a str> {
    either(settings, headers, PENDING_NAME, LOOPBACK_PENDING_NAME)
}

fn either<'a>(
    settings: &Settings,
    headers: &'a HeaderMap,
    name: &str,
    loopback_name: &str,
) -> Option<&'a str> {
    if let Some(value) = only(headers, name)? {
        return Some(value);
    }
    if own_origins::is_plain_loopback(settings, headers) {
        return only(headers, loopback_name)?;
    }
    None
}

/// Returns the value of the cookie with this name; inside, `None` when there is none; outside, when there are several.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<Option<&'a str>> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs
        .filter(|(one, _)| *one == name)
        .map(|(_, value)| value);
    let first = values.next();
    if values.next().is_some() {
        return None;
    }
    Some(first.filter(|value| !value.is_empty()))
}

/// Returns the values of `Set-Cookie` that log a browser in, or, with an empty value, out.
pub(crate) fn set(settings: &Settings, headers: &HeaderMap, value: &str) -> Vec<HeaderValue> {
    let end = if value.is_empty() { "; Max-Age=0" } else { "" };
    let attributes = format!("Path=/; HttpOnly; SameSite=Strict{end}");
    lines(settings, headers, [NAME, LOOPBACK_NAME], value, &attributes)
}

/// Returns the values of `Set-Cookie` for a browser that goes to the OpenID provider, or, with an empty value, has come
/// back. The provider's page leads it back, so `Strict` would withhold the cookie.
pub(crate) fn set_pending(
    settings: &Settings,
    headers: &HeaderMap,
    value: &str,
) -> Vec<HeaderValue> {
    let seconds = if value.is_empty() { 0 } else { PENDING_SECS };
    let attributes = format!("Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    let names = [PENDING_NAME, LOOPBACK_PENDING_NAME];
    lines(settings, headers, names, value, &attributes)
}

fn lines(
    settings: &Settings,
    headers: &HeaderMap,
    [name, loopback_name]: [&str; 2],
    value: &str,
    attributes: &str,
) -> Vec<HeaderValue> {
    let mut lines = vec![format!("{name}={value}; Secure; {attributes}")];
    if own_origins::is_plain_loopback(settings, headers) {
        lines.push(format!("{loopback_name}={value}; {attributes}"));
    }
    let lines = lines.into_iter().map(HeaderValue::try_from);
    lines.filter_map(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(host).unwrap());
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    #[test]
    fn the_cookie_is_found_by_its_whole_name_once() {
        let settings = Settings::default();
        let found = |cookies: &[&str]| {
            let headers = headers("at.example", cookies);
            sent(&settings, &headers).map(str::to_owned)
        };
        assert_eq!(found(&["__Host-atrail=v"]).as_deref(), Some("v"));
        assert_eq!(found(&["a=1; __Host-atrail=v; b=2"]).as_deref(), Some("v"));
        assert_eq!(found(&["a=1", "__Host-atrail=v"]).as_deref(), Some("v"));
        for cookies in [
            &[][..],
            &["__Host-atrail="],
            &["__Host-atrail"],
            &["__Host-atrail2=v"],
            &["x__Host-atrail=v"],
            &["__host-atrail=v"],
            &["a=__Host-atrail=v"],
            &["__Host-atrail=v; __Host-atrail=w"],
            &["__Host-atrail=v", "__Host-atrail=v"],
            &["atrail=v"],
        ] {
            assert_eq!(found(cookies), None, "{cookies:?}");
        }
    }

    #[test]
    fn the_cookie_without_secure_is_for_plain_http_on_loopback() {
        let plain = Settings::default();
        let tls = Settings {
            tls_cert: Some("c".into()),
            ..Settings::default()
        };
        let cookies = ["atrail=v"];
        for (settings, host, is_taken) in [
            (&plain, "127.0.0.1:8181", true),
            (&plain, "[::1]:8181", true),
            (&plain, "localhost", true),
            (&plain, "at.example", false),
            (&plain, "10.0.0.1", false),
            (&plain, "localhost.example", false),
            (&plain, "127.0.0.1.example", false),
            (&tls, "127.0.0.1:8181", false),
        ] {
            let headers = headers(host, &cookies);
            assert_eq!(sent(settings, &headers).is_some(), is_taken, "{host}");
            assert_eq!(
                set(settings, &headers, "v").len(),
                1 + usize::from(is_taken)
            );
        }
    }
}
