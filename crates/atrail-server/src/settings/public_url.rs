//! The URL under which clients reach the server.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;
use serde::{Deserialize, Serialize};

/// A base URL: `http` or `https`, a host, optionally a port and a path. It has no query, no user and no slash at the
/// end, so that a path of the API can follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Returns the URL's origin, as browsers write it.
    pub(crate) fn origin(&self) -> String {
        crate::auth::browser::own_origins::of_url(&self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Option<Uri> = text.parse().ok();
        let sound = uri.is_some_and(|uri| {
            let authority = uri.authority().map(|authority| authority.as_str());
            matches!(uri.scheme_str(), Some("http" | "https"))
                && authority.is_some_and(|authority| !authority.contains('@'))
                && uri.query().is_none()
        });
        if !sound || text.contains('#') {
            return Err(format!(
                "\"{text}\" is not a base URL, such as \"https://audit.example.com\""
            ));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> Self {
        url.0
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_and_nothing_else() {
        for (text, kept) in [
            ("https://a.example", "https://a.example"),
            ("http://a.example:8080/at/", "http://a.example:8080/at"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().to_string(), kept);
        }
        for text in [
            "",
            "a.example",
            "ftp://a",
            "https://",
            "https://u:p@a",
            "https://a?b",
            "https://a#b",
            "/at",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}
