//! Where a bucket is.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use atrail_disk::{Result, StoreError};
use serde::{Deserialize, Serialize};

/// The address of a bucket, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketAddress {
    /// `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    pub url: String,
    /// The address of the server, in place of Amazon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// The variables that decide about credentials and regions, by name. They may hold secrets.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Variables(pub BTreeMap<String, String>);

/// How to reach a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSettings {
    /// Its address.
    pub address: BucketAddress,
    /// AWS's variables.
    pub variables: Variables,
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.0.keys().collect();
        names.sort_unstable();
        formatter.debug_set().entries(names).finish()
    }
}

impl Variables {
    /// Returns the value of one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl BucketAddress {
    /// Checks the address.
    ///
    /// # Errors
    /// `Invalid`, when it is none.
    pub fn check(&self) -> Result<()> {
        self.parts()?;
        match &self.endpoint {
            None => Ok(()),
            Some(endpoint) => check_endpoint(endpoint),
        }
    }

    /// Returns the bucket and the prefix.
    pub(super) fn parts(&self) -> Result<(&str, &str)> {
        let wrong = || {
            StoreError::Invalid(format!(
                "{:?} is no archive: write s3://BUCKET or s3://BUCKET/PREFIX",
                self.url
            ))
        };
        let rest = self.url.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_part = |part: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._=".contains(&byte);
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_plain)
        };
        if !is_part(bucket) || !(prefix.is_empty() || prefix.split('/').all(is_part)) {
            return Err(wrong());
        }
        Ok((bucket, prefix))
    }

    /// Reports whether the bucket's server is reached without TLS.
    #[cfg(feature = "cluster")]
    pub(super) fn is_plain(&self) -> bool {
        let endpoint = self.endpoint.as_deref().unwrap_or_default();
        endpoint.starts_with("http://")
    }
}

/// Only a server on this machine is reached without TLS.
fn check_endpoint(endpoint: &str) -> Result<()> {
    let host = |rest: &str| {
        let authority = rest.split('/').next().unwrap_or(rest);
        match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or(v6).to_owned(),
            None => authority.split(':').next().unwrap_or(authority).to_owned(),
        }
    };
    if let Some(rest) = endpoint.strip_prefix("https://")
        && !host(rest).is_empty()
    {
        return Ok(());
    }
    let Some(rest) = endpoint.strip_prefix("http://") else {
        return Err(StoreError::Invalid(format!(
            "{endpoint:?} is no endpoint of an archive: write https://HOST or https://HOST:PORT"
        )));
    };
    let host = host(rest);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|at| at.is_loopback());
    if !is_here {
        return Err(StoreError::Invalid(format!(
            "{endpoint}: only a server on this machine is reached without TLS: write https://"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        let address = |url: &str, endpoint: Option<&str>| BucketAddress {
            url: url.to_owned(),
            endpoint: endpoint.map(str::to_owned),
        };
        for url in ["s3://logs", "s3://logs/", "s3://logs/a", "s3://logs/a/b=c/"] {
            assert!(address(url, None).check().is_ok(), "{url}");
        }
        assert_eq!(
            address("s3://logs/a/b/", None).parts().unwrap(),
            ("logs", "a/b")
        );
        for url in [
            "",
            "logs",
            "s3://",
            "s3:///a",
            "s3://logs//a",
            "s3://logs/../a",
            "gs://logs",
            "s3://lo gs",
        ] {
            assert!(address(url, None).check().is_err(), "{url}");
        }
        for endpoint in [
            "https://s3.example",
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
            "http://localhost",
        ] {
            assert!(
                address("s3://logs", Some(endpoint)).check().is_ok(),
                "{endpoint}"
            );
        }
        for endpoint in [
            "http://s3.example",
            "http://10.0.0.1:9000",
            "s3.example",
            "https://",
            "http://127.0.0.1.example",
        ] {
            assert!(
                address("s3://logs", Some(endpoint)).check().is_err(),
                "{endpoint}"
            );
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = [("AWS_SECRET_ACCESS_KEY".to_owned(), "hidden".to_owned())];
        let shown = format!("{:?}", Variables(secret.into_iter().collect()));
        assert_eq!(shown, "{\"AWS_SECRET_ACCESS_KEY\"}");
    }
}
