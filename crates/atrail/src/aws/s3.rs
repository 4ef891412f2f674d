//! S3: lists and fetches objects.

mod listing;

use std::collections::HashMap;
use std::io::{Seek, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use atrail_model::{Day, Timestamp};
use bytes::Bytes;
use reqwest::header::{HeaderMap, LAST_MODIFIED};
use reqwest::{Method, Response};

use self::listing::{Page, is_early};
use super::{ATTEMPTS, Aws, Request, Subject, encoded};
use crate::client::Backoff;
use crate::error::{CliError, Exit, Result};
use crate::nameless::Nameless;

pub(crate) use listing::Object;

/// Longest page of a listing, in bytes: 1,000 keys of 1,024 bytes each, which XML and percent signs make longer.
const PAGE_MAX_BYTES: u64 = 16 << 20;
const REGION: &str = "x-amz-bucket-region";
/// Where S3 puts the metadata of that name that CloudTrail sets.
const SIGNATURE: &str = "x-amz-meta-signature";

/// A place in a bucket: `s3://BUCKET[/PREFIX]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The bucket. Invariant: letters, digits, dots, hyphens and underscores.
    pub(crate) bucket: String,
    /// What the keys begin with.
    pub(crate) prefix: String,
}

impl FromStr for Place {
    type Err = CliError;

    fn from_str(text: &str) -> Result<Self> {
        let rest = text.strip_prefix("s3://").unwrap_or_default();
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return Err(CliError::usage(format!("{text:?} names no bucket"))
                .hint("write s3://BUCKET or s3://BUCKET/PREFIX"));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

/// Returns whether a name can be a bucket's. What it lets through cannot change the host or the path of an address.
pub(crate) fn is_bucket(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (3..=255).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with('.')
}

/// A fetched object.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Its bytes, in a temporary file, at their beginning.
    pub(crate) file: Nameless,
    /// When it was written.
    pub(crate) modified: Option<Timestamp>,
    /// The metadata `signature`.
    pub(crate) signature: Option<String>,
}

/// The client of buckets.
pub(crate) struct S3<'a> {
    aws: &'a Aws,
    /// The regions of buckets, as their servers named them.
    regions: Mutex<HashMap<String, String>>,
}

impl<'a> S3<'a> {
    pub(crate) fn new(aws: &'a Aws) -> Self {
        Self {
            aws,
            regions: Mutex::default(),
        }
    }

    /// Lists the objects of a place in the order of their keys, page by page. With `since`, a directory that holds
    /// `YYYY/MM/DD` is listed from that day on.
    ///
    /// # Errors
    /// When the bucket cannot be listed, or `use_page` fails.
    pub(crate) async fn list(
        &self,
        place: &Place,
        since: Option<Day>,
        mut use_page: impl AsyncFnMut(Page) -> Result<()>,
    ) -> Result<()> {
        let mut places = vec![(place.prefix.clone(), since)];
        while let Some((prefix, since)) = places.pop() {
            let delimiter = since.map(|_| "/");
            let mut token = None;
            let mut dirs = Vec::new();
            loop {
                let page = self.page(&place.bucket, &prefix, delimiter, token).await?;
                token = page.next.clone();
                dirs.extend(page.dirs.iter().cloned());
                use_page(page).await?;
                if token.is_none() {
                    break;
                }
            }
            for dir in dirs.into_iter().rev() {
                match since.filter(|since| is_early(&dir, *since)) {
                    Some(_) => {}
                    None => places.push((dir, since)),
                }
            }
        }
        Ok(())
    }

    async fn page(
        &self,
        bucket: &str,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<String>,
    ) -> Result<Page> {
        let token = token.as_deref();
        // In the order that the signature sorts them in.
        let members = [
            ("continuation-token", token),
            ("delimiter", delimiter),
            ("encoding-type", Some("url")),
            ("list-type", Some("2")),
            ("prefix", Some(prefix)),
        ];
        let members = members
            .iter()
            .filter_map(|(name, value)| Some((name, (*value)?)));
        let query: Vec<_> = members
            .map(|(name, value)| format!("{name}={}", encoded(value, b"")))
            .collect();
        let response = self.get(bucket, "", &query.join("&")).await?;
        let what = || format!("could not list s3://{bucket}/{prefix}");
        let body = crate::client::read_answer(response, PAGE_MAX_BYTES).await;
        let body = body.map_err(|error| {
            CliError::new(Exit::Unavailable, what())
                .because(error)
                .hint("the same command resumes")
        })?;
        Page::read(&body).map_err(|error| CliError::failed(what()).because(error))
    }

    /// Fetches an object into a temporary file.
    ///
    /// # Errors
    /// With [`Exit::Failed`] when it is not there or cannot be read, after some attempts; with another one when the
    /// bucket is away or busy, or nobody may use it.
    pub(crate) async fn fetch(&self, bucket: &str, key: &str, dir: &Path) -> Result<Fetched> {
        let failed = |error| CliError::file(format!("could not write in {}", dir.display()), error);
        let file = Nameless::create(dir, "import").map_err(failed)?;
        let mut backoff = Backoff::new(ATTEMPTS);
        loop {
            let mut response = self.get(bucket, key, "").await?;
            let expected = response.content_length();
            let header = |name: &str| response.headers().get(name)?.to_str().ok();
            let signature = header(SIGNATURE).map(str::to_owned);
            let modified = header(LAST_MODIFIED.as_str()).and_then(http_date);
            let mut out = file.file();
            out.set_len(0).map_err(failed)?;
            out.rewind().map_err(failed)?;
            let mut length = 0;
            let broken = loop {
                match response.chunk().await {
                    Ok(Some(chunk)) => {
                        out.write_all(&chunk).map_err(failed)?;
                        length += chunk.len() as u64;
                    }
                    Ok(None) if expected.is_none_or(|expected| expected == length) => break None,
                    Ok(None) => break Some("it ended too early".into()),
                    Err(error) => break Some(crate::error::chain(&error.without_url())),
                }
            };
            let Some(why) = broken else {
                out.rewind().map_err(failed)?;
                return Ok(Fetched {
                    file,
                    modified,
                    signature,
                });
            };
            // The bucket answers, so that it is this object that cannot be had.
            let error = CliError::failed(format!("could not fetch s3://{bucket}/{key}"));
            let error = error.because(why);
            self.aws.pause(&mut backoff, None, error).await?;
        }
    }

    /// Sends a GET to the region of the bucket, which its server names where the request went to another.
    async fn get(&self, bucket: &str, key: &str, query: &str) -> Result<Response> {
        if key.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(CliError::failed(format!(
                "s3://{bucket}/{key} has a part that an address cannot have"
            )));
        }
        let mut has_moved = false;
        loop {
            let region = self.region(bucket);
            let mut url = self.url(bucket, &region);
            url.push_str(&encoded(key, b"/"));
            if !query.is_empty() {
                url.push('?');
                url.push_str(query);
            }
            let request = Request {
                service: "s3",
                subject: match key {
                    "" => Subject::Service,
                    _ => Subject::Object,
                },
                region: region.clone(),
                method: Method::GET,
                url,
                headers: HeaderMap::new(),
                body: Bytes::new(),
            };
            let response = self.aws.send(&request).await?;
            if response.status().is_success() {
                return Ok(response);
            }
            let named = response.headers().get(REGION);
            let named = named.and_then(|name| name.to_str().ok());
            match named.filter(|named| *named != region && is_bucket(named) && !has_moved) {
                Some(named) => {
                    has_moved = true;
                    let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
                    regions.insert(bucket.to_owned(), named.to_owned());
                }
                None => {
                    let error = self.aws.refused(&request, response).await;
                    let what = format!("could not read s3://{bucket}/{key}");
                    return Err(error.during(what));
                }
            }
        }
    }

    fn region(&self, bucket: &str) -> String {
        let regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let named = regions.get(bucket).map(String::as_str);
        named.unwrap_or(self.aws.region()).to_owned()
    }

    /// Returns the address of a bucket, with a `/` at its end.
    fn url(&self, bucket: &str, region: &str) -> String {
        if let Some(endpoint) = &self.aws.endpoint {
            return format!("{endpoint}/{bucket}/");
        }
        let domain = match region.starts_with("cn-") {
            true => "amazonaws.com.cn",
            false => "amazonaws.com",
        };
        // A certificate covers one label in front of the service's name. Old buckets have names that are none.
        match is_label(bucket) {
            true => format!("https://{bucket}.s3.{region}.{domain}/"),
            false => format!("https://s3.{region}.{domain}/{bucket}/"),
        }
    }
}

/// Returns whether a name of a bucket is a label of a host name (RFC 1123 §2.1).
fn is_label(bucket: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    bucket.len() <= 63
        && bucket.bytes().all(is_plain)
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
}

/// Reads a date of HTTP in its only form that senders may make: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    let mut parts = text.split(' ').skip(1);
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = MONTHS
        .find(month)
        .filter(|at| at % 3 == 0 && month.len() == 3)?;
    let month = at / 3 + 1;
    let text = format!("{year}-{month:02}-{day}T{}Z", parts.next()?);
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_buckets_and_prefixes() {
        let place: Place = "s3://logs.example/AWSLogs/1/".parse().unwrap();
        assert_eq!(
            (&*place.bucket, &*place.prefix),
            ("logs.example", "AWSLogs/1/")
        );
        let place: Place = "s3://logs".parse().unwrap();
        assert_eq!((&*place.bucket, &*place.prefix), ("logs", ""));
        for wrong in [
            "s3://",
            "s3:///x",
            "s3://a@b/x",
            "s3://a:1/x",
            "s3://..",
            "logs",
        ] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_buckets_stand_in_a_host_only_if_they_can() {
        let long = "a".repeat(64);
        for (bucket, is) in [
            ("logs-1", true),
            ("my.logs", false),
            ("Logs", false),
            ("logs-", false),
            (&*long, false),
        ] {
            assert_eq!(is_label(bucket), is, "{bucket}");
        }
    }

    #[test]
    fn dates_of_http_are_read() {
        let date = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(date.to_string(), "1994-11-06T08:49:37Z");
        for wrong in ["", "Sun, 06 ovD 1994 08:49:37 GMT", "yesterday"] {
            assert_eq!(http_date(wrong), None, "{wrong}");
        }
    }
}
