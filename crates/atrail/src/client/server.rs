//! A server, and whether it is the one that this client knows.
//!
//! Every secret (password, key, token) goes out by [`Server::confide`]. It first asks the server for its evidence key
//! and compares it with the remembered one. An evidence key is public, so this detects a server that was replaced,
//! moved or mistyped, but not an impostor who copies the key: the certificate protects against that.

use atrail_api::{EvidenceKey, InfoResponse, paths};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::answer::{self, ONE_MAX_BYTES};
use super::endpoint::Endpoint;
use super::failure::{Unsent, is_busy, is_lasting, unreachable_error, unread_error};
use super::http;
use super::http::Trust;
use super::problem::explain;
use super::retry::{Backoff, jitter, retry_after};
use crate::error::{CliError, Result};
use crate::printer::safe;
use crate::trusted_keys::{Known, endorsed};

/// Attempts to learn a server's identity.
const ATTEMPTS: u32 = 5;

/// A server to send requests to.
pub(crate) struct Server {
    http: reqwest::Client,
    /// The server's address.
    pub(crate) endpoint: Endpoint,
    /// The remembered keys of the server; none before the first login.
    known: Known,
    /// The key that the server showed, after the comparison.
    met: OnceCell<EvidenceKey>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Returns the server at this address, with the keys that the client remembers of it. Sends nothing yet.
    pub(crate) fn new(endpoint: Endpoint, trust: &Trust, known: Known) -> Result<Self> {
        Ok(Self {
            http: http::build(&endpoint, trust)?,
            endpoint,
            known,
            met: OnceCell::new(),
        })
    }

    /// Fetches the server's description of itself.
    pub(crate) async fn info(&self) -> Result<InfoResponse> {
        self.public(paths::INFO).await
    }

    /// Returns the key that verifies the server's evidence, after comparing it with the known keys.
    pub(crate) async fn key(&self) -> Result<&EvidenceKey> {
        self.met
            .get_or_try_init(|| async {
                let shown: EvidenceKey = self.public(paths::KEYS).await?;
                for last in &self.known.last {
                    endorsed::follow(last, &shown, &self.known.replaced)?;
                }
                Ok(shown)
            })
            .await
    }

    /// Asks one of the server's paths about its health, once, and returns the answer: lines of text.
    ///
    /// # Errors
    /// When the server is not healthy by that path, is busy, cannot be reached, or is not an atrail server.
    pub(crate) async fn health(&self, path: &str) -> Result<String> {
        let answer = self.http.get(self.endpoint.join(path)).send().await;
        let response = answer.map_err(|error| unreachable_error(&self.endpoint, &error))?;
        if !response.status().is_success() {
            return Err(explain(response).await);
        }
        let body = answer::read(response, ONE_MAX_BYTES).await;
        let body = body.map_err(|error| match unread_error(&self.endpoint, error) {
            Unsent::Network(error) => unreachable_error(&self.endpoint, &error),
            Unsent::Fatal(error) => error,
        })?;
        let text = String::from_utf8_lossy(&body);
        let lines = text.lines().map(|line| safe::for_terminal(line) + "\n");
        Ok(lines.collect())
    }

    /// Builds a request that carries a secret. If any key is known, the server has first shown one that follows from
    /// it.
    pub(super) async fn confide(&self, method: Method, path: &str) -> Result<RequestBuilder> {
        if !self.known.last.is_empty() {
            self.key().await?;
        }
        Ok(self.http.request(method, self.endpoint.join(path)))
    }

    /// Reads a public resource, without credentials.
    async fn public<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let mut backoff = Backoff::new(ATTEMPTS);
        loop {
            let (asked, error) = match self.http.get(self.endpoint.join(path)).send().await {
                Ok(response) if is_busy(response.status()) => {
                    (retry_after(response.headers()), explain(response).await)
                }
                Ok(response) if !response.status().is_success() => {
                    return Err(explain(response).await);
                }
                Ok(response) => match answer::read(response, ONE_MAX_BYTES).await {
                    Ok(body) => return self.understood(path, &body),
                    Err(error) => match unread_error(&self.endpoint, error) {
                        Unsent::Network(error) => (None, unreachable_error(&self.endpoint, &error)),
                        Unsent::Fatal(error) => return Err(error),
                    },
                },
                Err(error) if is_lasting(&error) => {
                    return Err(unreachable_error(&self.endpoint, &error));
                }
                Err(error) => (None, unreachable_error(&self.endpoint, &error)),
            };
            match backoff.next(asked, jitter()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
    }

    fn understood<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T> {
        serde_json::from_slice(body).map_err(|error| {
            CliError::failed(format!(
                "{} does not answer {path} as an atrail server",
                self.endpoint
            ))
            .because(error)
            .hint("check the endpoint")
        })
    }
}
