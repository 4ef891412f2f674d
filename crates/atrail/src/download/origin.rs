//! Reads the bytes of a session over HTTP.

use atrail_api::{headers, paths};
use futures_util::StreamExt;
use reqwest::header::{CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};

use super::transfer::{Body, Fault, Origin};
use crate::client::{Call, Client, Endpoint, Unsent, explain, is_busy, retry_after, why};
use crate::error::CliError;

/// A session on its server.
#[derive(Debug)]
pub(crate) struct SessionOrigin<'a> {
    client: &'a Client,
    session: String,
    etag: String,
}

impl<'a> SessionOrigin<'a> {
    /// Returns the session with this id, whose download must have this entity tag (without quotes).
    pub(crate) fn new(client: &'a Client, session: &str, etag: &str) -> Self {
        Self {
            client,
            session: session.to_owned(),
            etag: format!("\"{etag}\""),
        }
    }

    fn call(&self, from: u64) -> Call {
        let call = Call::get(paths::DOWNLOAD).header(headers::SESSION_ID, &self.session);
        if from == 0 {
            return call;
        }
        // RFC 9110 §13.1.5: without If-Range, a range of another representation could be spliced in.
        call.header(RANGE_NAME, &format!("bytes={from}-"))
            .header(IF_RANGE_NAME, &self.etag)
    }
}

const RANGE_NAME: &str = "range";
const IF_RANGE_NAME: &str = "if-range";

impl Origin for SessionOrigin<'_> {
    async fn open(&self, from: u64) -> Result<Body, Fault> {
        debug_assert_eq!(
            (RANGE.as_str(), IF_RANGE.as_str()),
            (RANGE_NAME, IF_RANGE_NAME)
        );
        let response = match self.client.stream(&self.call(from)).await {
            Ok(response) => response,
            Err(Unsent::Fatal(error)) => return Err(Fault::Fatal(error)),
            Err(Unsent::Network(error)) => {
                return Err(Fault::broken(why(&self.client.server.endpoint, &error)));
            }
        };
        let status = response.status();
        if is_busy(status) {
            let why = format!("the server answered {status}");
            return Err(Fault::Transient {
                detail: why.clone(),
                why,
                wait: retry_after(response.headers()),
            });
        }
        if status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Err(Fault::Fatal(changed(
                "it is shorter than its manifest says",
            )));
        }
        if !status.is_success() {
            return Err(Fault::Fatal(explain(response).await));
        }
        let skip = check_answer(&response, from, &self.etag).map_err(Fault::Fatal)?;
        Ok(body(response, skip, self.client.server.endpoint.clone()))
    }
}

/// Checks that the answer belongs to this download; returns how many of its bytes precede `from`.
fn check_answer(response: &Response, from: u64, etag: &str) -> Result<u64, CliError> {
    let header = |name| {
        let value = response.headers().get(name);
        value.and_then(|value| value.to_str().ok())
    };
    let actual = header(ETAG).unwrap_or_default();
    if actual != etag {
        return Err(changed(&format!("its ETag is {actual}, expected {etag}")));
    }
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return Ok(from);
    }
    let range = header(CONTENT_RANGE).unwrap_or_default();
    let begins = range
        .strip_prefix("bytes ")
        .and_then(|range| range.split_once('-'))
        .and_then(|(first, _)| first.parse::<u64>().ok());
    match begins {
        Some(first) if first == from => Ok(0),
        _ => Err(changed(&format!("asked for byte {from}, got {range:?}"))),
    }
}

fn changed(why: &str) -> CliError {
    CliError::corrupt("the server sends a different download from the session's")
        .because(why.to_owned())
        .hint("make a new session; a session's bytes never change, so tell the server's operator")
}

/// Returns the answer's bytes, without the first `skip` (an intermediary may ignore ranges).
fn body(response: Response, mut skip: u64, endpoint: Endpoint) -> Body {
    let chunks = response.bytes_stream().map(move |chunk| match chunk {
        Ok(mut bytes) => {
            let unwanted = usize::try_from(skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
            skip -= unwanted as u64;
            Ok(bytes.split_off(unwanted))
        }
        Err(error) => Err(Fault::broken(why(&endpoint, &error))),
    });
    chunks.boxed()
}
