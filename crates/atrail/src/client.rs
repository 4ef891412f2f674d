//! Speaks HTTP with the server: tokens, retries, errors as the command line tells them.

mod answer;
mod auth;
mod call;
mod connect;
pub(crate) mod endpoint;
mod failure;
pub(crate) mod http;
mod meant;
mod problem;
mod retry;
mod secret;
mod server;
pub(crate) mod sso;
mod target;
mod tls;

use std::time::Duration;

use atrail_api::headers;
use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;

use self::call::Repeat;
use self::failure::unread_error;
use crate::error::{CliError, Result};

pub(crate) use auth::{Auth, grant_id_token, grant_password, revoke};
pub(crate) use call::Call;
pub(crate) use connect::{connect, find_organization, find_space, named};
pub(crate) use endpoint::Endpoint;
pub(crate) use failure::{Unsent, is_busy, unreachable_error, why};
pub(crate) use http::Trust;
pub(crate) use meant::{is_guid, meant};
pub(crate) use problem::explain;
pub(crate) use retry::{Backoff, jitter, retry_after};
pub(crate) use secret::{SECRET_MAX_BYTES, read_secret, secret_of, secret_text};
pub(crate) use server::Server;
pub(crate) use target::Target;

/// Attempts of one request before the command ends with exit code 5: about three seconds.
const ATTEMPTS: u32 = 5;

/// How much of what the server tells besides is shown.
const NOTE_MAX_CHARS: usize = 1024;

/// A server, somebody's right to ask it, and the target of what is asked.
#[derive(Debug)]
pub(crate) struct Client {
    /// The server.
    pub(crate) server: Server,
    auth: Auth,
    /// What is targeted.
    pub(crate) target: Target,
}

impl Client {
    /// A client without a target.
    pub(crate) fn new(server: Server, auth: Auth) -> Self {
        Self {
            server,
            auth,
            target: Target::default(),
        }
    }

    /// A current access token.
    pub(crate) async fn token(&self) -> Result<String> {
        self.auth.token(&self.server).await
    }

    /// Sends the call and reads the answer's JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        let (answer, _) = self.json_and_note(call).await?;
        Ok(answer)
    }

    /// As [`Self::json`], with what the server has to tell besides, if anything.
    pub(crate) async fn json_and_note<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<(T, Option<String>)> {
        let path = call.path.clone();
        let answer = self.answer(call).await?;
        let note = answer.headers.get(headers::NOTE);
        let note = note.and_then(|note| note.to_str().ok());
        let note = note.map(|note| note.chars().take(NOTE_MAX_CHARS).collect());
        Ok((understood(&path, &answer.bytes)?, note))
    }

    /// Sends the call and reads the answer's JSON; `None` when there is no such thing.
    pub(crate) async fn json_if_there<T: DeserializeOwned>(&self, call: Call) -> Result<Option<T>> {
        let path = call.path.clone();
        let bytes = self.bytes_if_there(call).await?;
        bytes.map(|bytes| understood(&path, &bytes)).transpose()
    }

    /// Sends the call and reads the whole answer; `None` when there is no such thing.
    pub(crate) async fn bytes_if_there(&self, call: Call) -> Result<Option<Bytes>> {
        let answer = self.answer(call.answers(&[404])).await?;
        Ok((answer.status != StatusCode::NOT_FOUND).then_some(answer.bytes))
    }

    /// Sends the call and reads the whole answer.
    pub(crate) async fn bytes(&self, call: Call) -> Result<Bytes> {
        Ok(self.answer(call).await?.bytes)
    }

    /// Sends the call until the server has answered it, and reads the answer; statuses other than 2xx are errors unless the
    /// call takes them.
    pub(crate) async fn answer(&self, call: Call) -> Result<Answer> {
        let mut sending = Sending::new(&call);
        loop {
            let response = self.send_on(&mut sending).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let lost = match answer::read(response, call.answer_max_bytes).await {
                Ok(bytes) => {
                    return Ok(Answer {
                        status,
                        headers,
                        bytes,
                        has_lost_one: sending.has_lost_one,
                    });
                }
                Err(error) => unread_error(&self.server.endpoint, error),
            };
            match lost {
                Unsent::Network(error) => sending.after_a_loss(self.unreachable(&error)).await?,
                Unsent::Fatal(error) => return Err(sending.told_of_a_loss(error)),
            }
        }
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
                    if tls::is_lasting(&error) {
                        return Err(sending.told(described));
                    }
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
        let fresh = self.auth.renew(&self.server, &token).await?;
        self.attempt(call, &fresh).await
    }

    async fn attempt(&self, call: &Call, token: &str) -> Result<Response, Unsent> {
        let confided = self.server.confide(call.method.clone(), &call.path);
        let mut request = confided
            .await?
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
        unreachable_error(&self.server.endpoint, error)
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// Its body.
    pub(crate) bytes: Bytes,
    /// Whether an attempt before, whose answer was lost, may have taken effect.
    pub(crate) has_lost_one: bool,
}

impl Answer {
    /// A number in a header.
    pub(crate) fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.to_str().ok()?.parse().ok()
    }
}

fn understood<T: DeserializeOwned>(path: &str, answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).map_err(|error| {
        CliError::failed(format!("the answer to {path} cannot be understood"))
            .because(error)
            .hint("is this an atrail server of this version? See `atrail target`")
    })
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

    /// The error for an answer that was lost, and would be lost again.
    fn told_of_a_loss(&mut self, error: CliError) -> CliError {
        self.has_lost_one = true;
        self.told(error)
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
