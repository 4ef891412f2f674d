//! Speaks HTTP with the server: tokens, retries, errors as the command line tells them.

mod auth;
mod endpoint;
mod http;
mod problem;
mod retry;
pub(crate) mod sso;
mod target;

use std::time::Duration;

use atrail_api::headers;
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CliError, Exit, Result};

pub(crate) use auth::{Auth, grant_id_token, grant_password, revoke};
pub(crate) use endpoint::Endpoint;
pub(crate) use http::{Trust, build as build_http};
pub(crate) use problem::explain;
pub(crate) use retry::{Backoff, jitter, retry_after};
pub(crate) use target::{Target, connect, find_organization, find_space, named, read_secret};

/// Attempts of one request before the command ends with exit code 5: about three seconds.
const ATTEMPTS: u32 = 5;

/// Whether a request may be sent again when nobody knows whether it took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Twice is as good as once.
    Safe,
    /// The server knows it again by its `Idempotency-Key`. When the attempts run out, its outcome is unknown all the same.
    Keyed,
    /// Only when it certainly had no effect: it was not sent, or the server refused it.
    Refused,
}

/// One request, before it has a server or a token.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
    repeat: Repeat,
    answers: &'static [u16],
}

impl Call {
    fn new(method: Method, path: impl Into<String>, repeat: Repeat) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            repeat,
            answers: &[],
        }
    }

    /// Reads something.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, Repeat::Safe)
    }

    /// Makes something. It is not repeated when the answer is lost: a second request may make a second thing.
    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path, Repeat::Refused)
    }

    /// Makes something where the server honours the `Idempotency-Key`: a second request makes nothing more.
    pub(crate) fn post_with_key(path: impl Into<String>) -> Self {
        let key = uuid::Uuid::new_v4().to_string();
        Self::new(Method::POST, path, Repeat::Keyed).header(headers::IDEMPOTENCY_KEY, &key)
    }

    /// Sets something; a second time changes nothing more.
    pub(crate) fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path, Repeat::Safe)
    }

    /// Takes these statuses, too, for answers and not for errors.
    pub(crate) fn answers(mut self, statuses: &'static [u16]) -> Self {
        self.answers = statuses;
        self
    }

    /// As [`Call::put`], where a second time is refused because of the first.
    pub(crate) fn put_once(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path, Repeat::Refused)
    }

    /// Ends something; a second time it is not there any more, so it is not repeated blindly.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path, Repeat::Refused)
    }

    /// Adds a query of flat members.
    pub(crate) fn query(mut self, query: &impl Serialize) -> Result<Self> {
        let members = serde_json::to_value(query)
            .map_err(|error| CliError::failed("could not write the request").because(error))?;
        for (name, value) in members.as_object().into_iter().flatten() {
            let text = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            self.query.push((name.clone(), text));
        }
        Ok(self)
    }

    /// Adds a JSON body.
    pub(crate) fn json(self, body: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_vec(body)
            .map_err(|error| CliError::failed("could not write the request").because(error))?;
        Ok(self.body("application/json", text.into()))
    }

    /// Adds a body.
    pub(crate) fn body(mut self, content_type: &'static str, body: Bytes) -> Self {
        self.body = body;
        self.headers.insert(
            reqwest::header::CONTENT_TYPE,
            HeaderValue::from_static(content_type),
        );
        self
    }

    /// Adds a header; the value must be visible ASCII.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }
}

/// A server, somebody's right to ask it, and the target of what is asked.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    auth: Auth,
    /// Where the server is.
    pub(crate) endpoint: Endpoint,
    /// What is targeted.
    pub(crate) target: Target,
}

impl Client {
    /// A client without a target.
    pub(crate) fn new(http: reqwest::Client, endpoint: Endpoint, auth: Auth) -> Self {
        Self {
            http,
            auth,
            endpoint,
            target: Target::default(),
        }
    }

    /// A current access token.
    pub(crate) async fn token(&self) -> Result<String> {
        self.auth.token(&self.http, &self.endpoint).await
    }

    /// Sends the call and reads the answer's JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        let path = call.path.clone();
        let bytes = self.bytes(call).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            CliError::failed(format!("the answer to {path} cannot be understood"))
                .because(error)
                .hint("is this an atrail server of this version? See `atrail target`")
        })
    }

    /// Sends the call and reads the answer's JSON; `None` when there is no such thing.
    pub(crate) async fn json_if_there<T: DeserializeOwned>(&self, call: Call) -> Result<Option<T>> {
        let response = self.send(call.answers(&[404])).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = response.json().await;
        answer.map(Some).map_err(|error| self.unreachable(&error))
    }

    /// Sends the call and reads the whole answer; `None` when there is no such thing.
    pub(crate) async fn bytes_if_there(&self, call: Call) -> Result<Option<Bytes>> {
        let response = self.send(call.answers(&[404])).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let bytes = response.bytes().await;
        bytes.map(Some).map_err(|error| self.unreachable(&error))
    }

    /// Sends the call and reads the whole answer.
    pub(crate) async fn bytes(&self, call: Call) -> Result<Bytes> {
        let mut sending = Sending::new(&call);
        loop {
            let response = self.send_on(&mut sending).await?;
            match response.bytes().await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => sending.after_a_loss(self.unreachable(&error)).await?,
            }
        }
    }

    /// Sends the call until the server has answered it; answers other than 2xx are errors.
    pub(crate) async fn send(&self, call: Call) -> Result<Response> {
        self.send_on(&mut Sending::new(&call)).await
    }

    async fn send_on(&self, sending: &mut Sending<'_>) -> Result<Response> {
        let call = sending.call;
        loop {
            match self.once(call).await {
                Ok(response) if is_busy(response.status()) => {
                    let is_certain = is_refusal(&response);
                    let asked = retry_after(response.headers());
                    let error = explain(response).await;
                    if is_certain {
                        sending.pause(asked, error).await?;
                    } else {
                        sending.after_a_loss(error).await?;
                    }
                }
                Ok(response) => {
                    let accepted = accept(call, response).await;
                    return accepted.map_err(|error| sending.told(error));
                }
                Err(Unsent::Fatal(error)) => return Err(sending.told(error)),
                Err(Unsent::Network(error)) => {
                    let described = self.unreachable(&error);
                    if error.is_connect() {
                        sending.pause(None, described).await?;
                    } else {
                        sending.after_a_loss(described).await?;
                    }
                }
            }
        }
    }

    /// One attempt, with a token; a token that the server refuses is renewed once.
    async fn once(&self, call: &Call) -> Result<Response, Unsent> {
        let token = self.token().await?;
        let response = self.attempt(call, &token).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let fresh = self.auth.renew(&self.http, &self.endpoint, &token).await?;
        self.attempt(call, &fresh).await
    }

    async fn attempt(&self, call: &Call, token: &str) -> Result<Response, Unsent> {
        let url = self.endpoint.join(&call.path);
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .headers(call.headers.clone())
            .bearer_auth(token);
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        if let Some(space) = &self.target.space {
            request = request.header(headers::PROJECT_ID, &space.guid);
        } else if let Some(account) = &self.target.account {
            // A space says in which account it is.
            request = request.header(headers::ACCOUNT_ID, &account.guid);
        }
        if !call.body.is_empty() {
            request = request.body(call.body.clone());
        }
        Ok(request.send().await?)
    }

    /// One attempt of a call whose answer is read as a stream, whatever its status.
    pub(crate) async fn stream(&self, call: &Call) -> Result<Response, Unsent> {
        self.once(call).await
    }

    /// The error for a server that did not answer.
    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> CliError {
        unreachable_error(&self.endpoint, error)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// The network; another attempt may work.
    Network(reqwest::Error),
    /// Nothing that another attempt changes.
    Fatal(CliError),
}

impl From<reqwest::Error> for Unsent {
    fn from(error: reqwest::Error) -> Self {
        Self::Network(error)
    }
}

impl From<CliError> for Unsent {
    fn from(error: CliError) -> Self {
        Self::Fatal(error)
    }
}

/// The attempts of one call.
struct Sending<'a> {
    call: &'a Call,
    backoff: Backoff,
    /// Whether an earlier attempt may have taken effect.
    has_lost_one: bool,
}

impl<'a> Sending<'a> {
    const fn new(call: &'a Call) -> Self {
        Self {
            call,
            backoff: Backoff::new(ATTEMPTS),
            has_lost_one: false,
        }
    }

    /// The attempt may have taken effect, but its answer was lost: waits for another one if it may be made.
    async fn after_a_loss(&mut self, error: CliError) -> Result<()> {
        self.has_lost_one = true;
        match self.call.repeat {
            Repeat::Refused => Err(self.told(error)),
            Repeat::Keyed | Repeat::Safe => self.pause(None, error).await,
        }
    }

    /// Waits before another attempt; the error when there is none left.
    async fn pause(&mut self, asked: Option<Duration>, error: CliError) -> Result<()> {
        match self.backoff.next(asked, jitter()) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(self.told(error)),
        }
        Ok(())
    }

    /// The error, with a word about what it leaves open.
    fn told(&self, error: CliError) -> CliError {
        if self.has_lost_one && self.call.repeat != Repeat::Safe {
            error.with_unknown_outcome()
        } else {
            error
        }
    }
}

/// An answer that the call takes for one; others are errors. A server that broke may have done its work before, and one
/// whose disk was full may have recorded a deletion before it could end it.
async fn accept(call: &Call, response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() || call.answers.contains(&status.as_u16()) {
        return Ok(response);
    }
    let error = explain(response).await;
    let is_full = status == StatusCode::INSUFFICIENT_STORAGE;
    let is_certain = !status.is_server_error() || is_full && call.method != Method::DELETE;
    Err(if is_certain || call.repeat == Repeat::Safe {
        error
    } else {
        error.with_unknown_outcome()
    })
}

/// Whether the answer says that the request had no effect: then it says when to come back. A server that stopped writing,
/// and a gateway before a silent server, do not.
fn is_refusal(response: &Response) -> bool {
    matches!(response.status().as_u16(), 429 | 503)
        && response
            .headers()
            .contains_key(reqwest::header::RETRY_AFTER)
}

/// The server's way to say: later.
pub(crate) fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// The error for a server that cannot be reached.
pub(crate) fn unreachable_error(endpoint: &Endpoint, error: &reqwest::Error) -> CliError {
    let why = crate::error::chain(error);
    let hint = if why.contains("certificate") {
        "check the server's certificate; `atrail login --ca-file FILE` trusts your own authority, --skip-ssl-validation anybody"
    } else {
        "check the endpoint with `atrail target`, and that the server runs; then try again"
    };
    CliError::new(Exit::Unavailable, format!("could not reach {endpoint}"))
        .because(innermost(error))
        .hint(hint)
}

/// The innermost cause says it best: `Connection refused (os error 111)`.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// How long one read may take before the connection counts as dead.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(60);
