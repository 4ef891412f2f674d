//! The origins under which browsers know this server.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

use crate::settings::Settings;

/// Returns the server's own origins for a request, as browsers write them: the public one, and that of the host name that
/// the client used.
pub(crate) fn of(settings: &Settings, headers: &HeaderMap) -> Vec<String> {
    let public = settings.public_url.as_ref().map(|url| url.origin());
    let named = host(headers).map(|host| origin(settings.scheme(), host));
    public.into_iter().chain(named).collect()
}

/// Returns whether a browser protects what it exchanges with the server under the name that it used: by HTTPS, here or at
/// a proxy in front, or because it stays on this machine.
pub(crate) fn is_protected(settings: &Settings, headers: &HeaderMap) -> bool {
    // What the browser itself states: a server behind a proxy with HTTPS may also be reached around the proxy.
    if let Some(sent) = headers.get(ORIGIN).and_then(|value| value.to_str().ok()) {
        return sent.starts_with("https:") || is_http_on_loopback(sent);
    }
    let is_https = |origin: &String| origin.starts_with("https:");
    of(settings, headers).iter().any(is_https) || is_plain_loopback(settings, headers)
}

/// Returns whether the client used plain HTTP, and a name of this machine itself. Behind a proxy the host may be the
/// proxy's name of this server, so a public URL must be on this machine, too.
pub(crate) fn is_plain_loopback(settings: &Settings, headers: &HeaderMap) -> bool {
    let public = settings.public_url.as_ref().map(|url| url.origin());
    !settings.serves_https()
        && public.is_none_or(|origin| is_http_on_loopback(&origin))
        && host(headers).is_some_and(is_loopback)
}

fn is_http_on_loopback(origin: &str) -> bool {
    origin.strip_prefix("http://").is_some_and(is_loopback)
}

/// Returns whether a host, with or without a port, is this machine itself.
fn is_loopback(authority: &str) -> bool {
    let authority = authority.parse::<axum::http::uri::Authority>();
    authority.is_ok_and(|authority| {
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(HOST)?.to_str().ok()?;
    Some(host).filter(|host| !host.is_empty())
}

/// Returns the origin of a URL with this scheme and authority: lower case, and without the scheme's own port.
fn origin(scheme: &str, authority: &str) -> String {
    let own_port = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(own_port).unwrap_or(authority);
    format!("{scheme}://{authority}").to_ascii_lowercase()
}

/// Returns the origin of a base URL.
pub(crate) fn of_url(url: &str) -> String {
    let uri: Option<Uri> = url.parse().ok();
    let parts = uri
        .as_ref()
        .and_then(|uri| Some((uri.scheme_str()?, uri.authority()?.as_str())));
    parts.map_or_else(
        || url.to_owned(),
        |(scheme, authority)| origin(scheme, authority),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (url, expected) in [
            ("https://At.Example", "https://at.example"),
            ("https://at.example:443/at", "https://at.example"),
            ("http://at.example:80", "http://at.example"),
            ("https://at.example:80", "https://at.example:80"),
            ("http://[::1]:8181/x", "http://[::1]:8181"),
        ] {
            assert_eq!(of_url(url), expected);
        }
    }
}
