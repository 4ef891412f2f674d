//! A small client of AWS: S3 and SQS, and what speaks as they do.
//!
//! `reqsign` finds credentials as AWS's own tools do (environment, shared files, `credential_process`, SSO, web
//! identity, container and instance roles), and signs (Signature Version 4). Requests go out by the command line's own
//! HTTP client.

pub(crate) mod notification;
pub(crate) mod s3;
pub(crate) mod sqs;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use reqsign_aws_v4::{Credential, DefaultCredentialProvider, RequestSigner};
use reqsign_core::{Context, Signer};
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::client::{Backoff, Endpoint, Trust, http, jitter, retry_after};
use crate::error::{CliError, Exit, Result};
use crate::settings::Settings;

/// Attempts per request before it counts as failed: about six seconds.
const ATTEMPTS: u32 = 6;
/// The region of a bucket until its server names another.
const FIRST_REGION: &str = "us-east-1";

/// What signs, by service and region.
type Signers = HashMap<(&'static str, String), Arc<Signer<Credential>>>;

/// Signs and sends requests.
pub(crate) struct Aws {
    http: reqwest::Client,
    context: Context,
    /// The address of both services, in place of Amazon's.
    endpoint: Option<Endpoint>,
    region: Option<String>,
    signers: Mutex<Signers>,
}

/// What a request is for, which decides what its refusal costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One object: archived, encrypted with a key of others, in a bucket of others. Other objects may be readable.
    Object,
    /// A listing or a queue.
    Service,
}

/// One request.
pub(crate) struct Request {
    pub(crate) service: &'static str,
    pub(crate) subject: Subject,
    pub(crate) region: String,
    pub(crate) method: Method,
    /// The address, every part percent-encoded.
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Aws {
    /// Sets the client up from flags and the environment; sends nothing yet.
    pub(crate) fn new(
        settings: &Settings,
        region: Option<&str>,
        endpoint: Option<&str>,
    ) -> Result<Self> {
        let variables = &settings.environment.aws;
        let variable = |name: &str| variables.get(name).map(String::as_str);
        let endpoint = endpoint
            .or(variable("AWS_ENDPOINT_URL"))
            .map(str::parse::<Endpoint>)
            .transpose()?;
        let region = region
            .or(variable("AWS_REGION"))
            .or(variable("AWS_DEFAULT_REGION"));
        let trust = Trust {
            ca_file: variable("AWS_CA_BUNDLE").map(Into::into),
            skip_ssl_validation: false,
        };
        let any: Endpoint = "https://amazonaws.com".parse()?;
        Ok(Self {
            http: http::build(endpoint.as_ref().unwrap_or(&any), &trust)?,
            context: atrail_aws::context(variables)
                .map_err(|error| CliError::failed("could not set up HTTP").because(error))?,
            endpoint,
            region: region.map(str::to_owned),
            signers: Mutex::default(),
        })
    }

    /// Returns the region of requests whose address names none.
    fn region(&self) -> &str {
        self.region.as_deref().unwrap_or(FIRST_REGION)
    }

    async fn signer(&self, service: &'static str, region: &str) -> Arc<Signer<Credential>> {
        let mut signers = self.signers.lock().await;
        let signer = signers.entry((service, region.to_owned()));
        let signer = signer.or_insert_with(|| {
            Arc::new(Signer::new(
                self.context.clone(),
                DefaultCredentialProvider::new(),
                RequestSigner::new(service, region),
            ))
        });
        Arc::clone(signer)
    }

    /// Sends a request until the service answers something other than "later".
    ///
    /// # Errors
    /// When there are no credentials, or the service cannot be reached or stays busy.
    async fn send(&self, request: &Request) -> Result<Response> {
        let mut backoff = Backoff::new(ATTEMPTS);
        loop {
            let (asked, error) = match self.once(request).await? {
                Ok(response) if is_busy(&response) => {
                    let asked = retry_after(response.headers());
                    (asked, self.refused(request, response).await)
                }
                Ok(response) => return Ok(response),
                Err(error) => (None, unreached(request, error)),
            };
            self.pause(&mut backoff, asked, error).await?;
        }
    }

    async fn pause(
        &self,
        backoff: &mut Backoff,
        asked: Option<std::time::Duration>,
        error: CliError,
    ) -> Result<()> {
        match backoff.next(asked, jitter()) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
        Ok(())
    }

    /// Makes one attempt.
    async fn once(&self, request: &Request) -> Result<Result<Response, reqwest::Error>> {
        let invalid = |error: ::http::Error| {
            CliError::failed(format!("{} is no address of a request", request.url)).because(error)
        };
        let unsigned = ::http::Request::builder()
            .method(request.method.clone())
            .uri(&request.url)
            .header("x-amz-content-sha256", hex_sha_256(&request.body))
            .body(())
            .map_err(invalid)?;
        let (mut parts, ()) = unsigned.into_parts();
        parts.headers.extend(request.headers.clone());
        let signer = self.signer(request.service, &request.region).await;
        signer.sign(&mut parts, None).await.map_err(|error| {
            CliError::new(Exit::Denied, "no usable credentials for AWS were found")
                .because(error)
                .hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
        })?;
        parts.headers.remove(reqwest::header::HOST);
        let sent = self
            .http
            .request(request.method.clone(), &request.url)
            .headers(parts.headers)
            .body(request.body.clone())
            .send();
        Ok(sent.await)
    }

    /// Returns the error of an answer that is not a success: its code and message are in its body, as XML or JSON. Its
    /// exit is [`Exit::Failed`] if another request may succeed with the same credentials.
    async fn refused(&self, request: &Request, response: Response) -> CliError {
        let (status, is_busy) = (response.status().as_u16(), is_busy(&response));
        let body = crate::client::read_answer(response, ERROR_MAX_BYTES).await;
        let fault = explained(&body.unwrap_or_default());
        let is_of_credentials = fault
            .as_ref()
            .is_some_and(|fault| OF_CREDENTIALS.contains(&fault.code.as_str()));
        let exit = match (status, request.subject) {
            _ if is_of_credentials => Exit::Denied,
            _ if is_busy => Exit::Unavailable,
            (401 | 403, Subject::Service) => Exit::Denied,
            (500.., Subject::Service) => Exit::Unavailable,
            _ => Exit::Failed,
        };
        let why = fault.map_or_else(
            || format!("HTTP status {status}"),
            |fault| fault.to_string(),
        );
        CliError::new(
            exit,
            format!("{} refused the request", host_of(&request.url)),
        )
        .because(why)
    }
}

/// Codes of errors that every request with the same credentials would get, whatever it is for.
const OF_CREDENTIALS: [&str; 13] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// Longest answer with an error, in bytes.
const ERROR_MAX_BYTES: u64 = 64 << 10;

fn is_busy(response: &Response) -> bool {
    matches!(response.status().as_u16(), 429 | 500 | 502 | 503 | 504)
}

fn unreached(request: &Request, error: reqwest::Error) -> CliError {
    CliError::new(
        Exit::Unavailable,
        format!("could not reach {}", host_of(&request.url)),
    )
    .because(error.without_url())
    .hint("the same command resumes")
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// An error of a service.
#[derive(serde::Deserialize)]
struct Fault {
    #[serde(alias = "Code", rename = "__type")]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.as_str() {
            "" => f.write_str(&self.code),
            message => write!(f, "{}: {message}", self.code),
        }
    }
}

/// Returns the code and the message of an error.
fn explained(body: &[u8]) -> Option<Fault> {
    let text = std::str::from_utf8(body).ok()?;
    let mut fault: Fault = quick_xml::de::from_str(text)
        .ok()
        .or_else(|| serde_json::from_str(text).ok())?;
    if let Some((_, code)) = fault.code.rsplit_once('#') {
        fault.code = code.to_owned();
    }
    Some(fault)
}

fn hex_sha_256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Percent-encodes all but the unreserved characters of RFC 3986 §2.3 and those in `kept`.
fn encoded(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Undoes the encoding of keys in listings and notifications: percent signs, and `+` for a blank.
fn decoded(text: &str) -> String {
    let pair = format!("k={}", text.replace('&', "%26"));
    let mut pairs = form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_read_in_both_forms() {
        for (body, words) in [
            (
                r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code><Message>It is not there.</Message><Key>k</Key></Error>"#,
                Some("NoSuchKey: It is not there."),
            ),
            (
                r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"No queue."}"#,
                Some("QueueDoesNotExist: No queue."),
            ),
            ("<html>", None),
            ("", None),
        ] {
            let fault = explained(body.as_bytes()).map(|fault| fault.to_string());
            assert_eq!(fault.as_deref(), words, "{body}");
        }
    }

    #[test]
    fn keys_are_encoded_and_decoded() {
        let key = "a b/c+d&e=f%ü";
        assert_eq!(encoded(key, b"/"), "a%20b/c%2Bd%26e%3Df%25%C3%BC");
        assert_eq!(decoded(&encoded(key, b"/")), key);
        assert_eq!(decoded("a+b%2Bc"), "a b+c");
    }
}
