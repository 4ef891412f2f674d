//! The server's address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

use crate::error::CliError;

/// Base URL of a server. Invariant: `http` or `https`, with a host, without credentials, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    /// Returns the URL of a path below the endpoint.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{path}"));
        url
    }

    /// Returns whether the server is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(self.0.host_str().unwrap_or_default())
    }

    /// Returns whether tokens would travel in the clear to another machine.
    pub(crate) fn is_exposed(&self) -> bool {
        self.0.scheme() == "http" && !self.is_loopback()
    }

    /// Returns the server's host, with its port where the URL names one.
    pub(crate) fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Returns the same address with the other scheme, `http` or `https`.
    pub(crate) fn with_scheme(&self, scheme: &str) -> Self {
        let mut url = self.0.clone();
        // Both are special schemes of the URL standard, which may replace each other.
        let _ = url.set_scheme(scheme);
        Self(url)
    }

    /// Returns a name for a context: host and port.
    pub(crate) fn context_name(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        let host = host.trim_matches(['[', ']', ':']).replace(':', "-");
        match self.0.port() {
            Some(port) => format!("{host}-{port}"),
            None => host,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl FromStr for Endpoint {
    type Err = CliError;

    /// Parses a URL, or HOST:PORT. Without a scheme it assumes https, but http for a loopback address.
    fn from_str(text: &str) -> Result<Self, CliError> {
        let refused = |why: &str| {
            CliError::usage(format!("{text:?} is not an endpoint: {why}"))
                .hint("give a URL such as https://atrail.example.com, or HOST:PORT")
        };
        let url = if text.contains("://") {
            Url::parse(text)
        } else {
            let guess = Url::parse(&format!("http://{text}"));
            let local = guess
                .as_ref()
                .ok()
                .and_then(Url::host_str)
                .is_some_and(is_loopback);
            if local {
                guess
            } else {
                Url::parse(&format!("https://{text}"))
            }
        };
        let url = url.map_err(|error| refused(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("the scheme must be http or https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it must not hold a user or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("it must not hold a query or a fragment"));
        }
        Ok(Self(url))
    }
}

/// Returns whether the host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_scheme_means_https_except_on_this_machine() {
        for (typed, meant) in [
            ("atrail.example.com", "https://atrail.example.com"),
            ("10.0.0.1:8181", "https://10.0.0.1:8181"),
            ("127.0.0.1:8181", "http://127.0.0.1:8181"),
            ("127.5.0.1", "http://127.5.0.1"),
            ("localhost:1", "http://localhost:1"),
            ("[::1]:8181", "http://[::1]:8181"),
            ("localhost.example.com", "https://localhost.example.com"),
            ("http://example.com/base/", "http://example.com/base"),
        ] {
            assert_eq!(typed.parse::<Endpoint>().unwrap().to_string(), meant);
        }
    }

    #[test]
    fn refuses_what_would_leak_or_mislead() {
        for typed in [
            "",
            "ftp://x",
            "https://u:p@x",
            "https://x?q",
            "https://x#f",
            "http://",
        ] {
            assert!(typed.parse::<Endpoint>().is_err(), "{typed:?}");
        }
    }

    #[test]
    fn paths_go_below_the_base() {
        let endpoint: Endpoint = "https://x/base/".parse().unwrap();
        assert_eq!(
            endpoint.join("/v3/sessions").as_str(),
            "https://x/base/v3/sessions"
        );
        assert_eq!(endpoint.context_name(), "x");
        assert_eq!(endpoint.with_scheme("http").to_string(), "http://x/base");
        assert_eq!(endpoint.host(), "x");
        let local: Endpoint = "[::1]:8181".parse().unwrap();
        assert_eq!(local.context_name(), "1-8181");
        assert_eq!(local.host(), "[::1]:8181");
    }
}
