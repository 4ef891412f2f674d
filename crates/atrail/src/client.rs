//! Speaks HTTP with the server: tokens, retries, and errors in the command line's words.

mod answer;
mod auth;
mod call;
mod connect;
pub(crate) mod endpoint;
mod failure;
pub(crate) mod http;
mod meant;
mod names;
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
use self::failure::{is_lasting, unread_error};
use crate::error::{CliError, Result};

pub(crate) use answer::read as read_answer;
pub(crate) use auth::{Auth, grant_id_token, grant_password, revoke};
pub(crate) use call::Call;
pub(crate) use connect::{connect, find_organization, find_space, lone_space, named};
pub(crate) use endpoint::Endpoint;
pub(crate) use failure::{Unsent, is_busy, unreachable_error, why};
pub(crate) use http::Trust;
pub(crate) use meant::{Kind, PREFIX_MIN, is_guid, meant, nearest, only};
pub(crate) use names::{Names, NamesOf};
pub(crate) use problem::explain;
pub(crate) use retry::{Backoff, jitter, retry_after};
pub(crate) use secret::{SECRET_MAX_BYTES, read_secret, secret_of, secret_text};
pub(crate) use server::Server;
pub(crate) use target::Target;

/// Attempts per request before the command ends with exit code 5: about three seconds.
const ATTEMPTS: u32 = 5;

/// Longest part of the server's note that the client shows, in characters.
const NOTE_MAX_CHARS: usize = 1024;

/// A server, credentials for it, and the target of the requests.
#[derive(Debug)]
pub(crate) struct Client {
    /// The server.
    pub(crate) server: Server,
    auth: Auth,
    /// The target of the requests.
    pub(crate) target: Target,
}

impl Client {
    /// Returns a client without a target.
    pub(crate) fn new(server: Server, auth: Auth) -> Self {
        Self {
            server,
            auth,
            target: Target::default(),
        }
    }

    /// Returns a current access token.
    pub(crate) async fn token(&self) -> Result<String> {
        self.auth.token(&self.server).await
    }

    /// Sends the call and parses the JSON answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        let (answer, _) = self.json_and_note(call).await?;
        Ok(answer)
    }

    /// Like [`Self::json`], and also returns the server's note, if it sent one.
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

    /// Sends the call and parses the JSON answer; returns `None` when the server answers 404.
    pub(crate) async fn json_if_there<T: DeserializeOwned>(&self, call: Call) -> Result<Option<T>> {
        let path = call.path.clone();
        let bytes = self.bytes_if_there(call).await?;
        bytes.map(|bytes| understood(&path, &bytes)).transpose()
    }

    /// Sends the call and reads the whole answer; returns `None` when the server answers 404.
    pub(crate) async fn bytes_if_there(&self, call: Call) -> Result<Option<Bytes>> {
        let answer = self.answer(call.answers(&[404])).await?;
        Ok((answer.status != StatusCode::NOT_FOUND).then_some(answer.bytes))
    }

    /// Sends the call and reads the whole answer.
    pub(crate) async fn bytes(&self, call: Call) -> Result<Bytes> {
        Ok(self.answer(call).await?.bytes)
    }

    /// Sends the call until the server answers, and reads the answer. A status other than 2xx is an error unless the
    /// call accepts it.
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
                    if is_lasting(&error) {
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

    /// Makes one attempt, with a token. Renews a token once if the server refuses it.
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
        if call.is_untargeted {
            // The request is about what the user holds anywhere.
        } else if let Some(space) = &self.target.space {
            request = request.header(headers::PROJECT_ID, &space.guid);
        } else if let Some(account) = &self.target.account {
            // A space already identifies its account.
            request = request.header(headers::ACCOUNT_ID, &account.guid);
        }
        if !call.body.is_empty() {
            request = request.body(call.body.clone());
        }
        Ok(request.send().await?)
    }

    /// Sends the call until the server accepts it, and returns the answer before its body is read.
    pub(crate) async fn response(&self, call: &Call) -> Result<Response> {
        self.send_on(&mut Sending::new(call)).await
    }

    /// Makes one attempt of a call and returns the response as a stream, with any status.
    pub(crate) async fn stream(&self, call: &Call) -> Result<Response, Unsent> {
        self.once(call).await
    }

    /// Returns the error for a server that did not answer.
    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> CliError {
        unreachable_error(&self.server.endpoint, error)
    }
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// Its body.
    pub(crate) bytes: Bytes,
    /// Whether an earlier attempt, whose answer was lost, may have taken effect.
    pub(crate) has_lost_one: bool,
}

impl Answer {
    /// Returns the number in a header.
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

    /// Handles an attempt that may have taken effect and whose answer was lost: waits before the next attempt if the
    /// call permits one.
    async fn after_a_loss(&mut self, error: CliError) -> Result<()> {
        self.has_lost_one = true;
        match self.call.repeat {
            Repeat::Refused => Err(self.told(error)),
            Repeat::Keyed | Repeat::Safe => self.pause(None, error).await,
        }
    }

    /// Returns the error for a lost answer when the next answer would be lost in the same way.
    fn told_of_a_loss(&mut self, error: CliError) -> CliError {
        self.has_lost_one = true;
        self.told(error)
    }

    /// Waits before the next attempt; returns the error when none is left.
    async fn pause(&mut self, asked: Option<Duration>, error: CliError) -> Result<()> {
        match self.backoff.next(asked, jitter()) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(self.told(error)),
        }
        Ok(())
    }

    /// Returns the error, and adds that the outcome is unknown if it is.
    fn told(&self, error: CliError) -> CliError {
        if self.has_lost_one && self.call.repeat != Repeat::Safe {
            error.with_unknown_outcome()
        } else {
            error
        }
    }
}

/// Accepts an answer with 2xx or a status that the call names; returns an error for any other. A server that failed may
/// already have done the work. A server with a full disk may have recorded a deletion before it could complete it.
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

/// Returns whether the answer proves that the request had no effect. Such an answer has a `Retry-After`; a server that
/// stopped writing, and a gateway in front of a silent server, send none.
fn is_refusal(response: &Response) -> bool {
    matches!(response.status().as_u16(), 429 | 503)
        && response
            .headers()
            .contains_key(reqwest::header::RETRY_AFTER)
}
