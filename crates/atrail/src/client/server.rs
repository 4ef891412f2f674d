//! A server, and whether it is the one that this client knows.
//!
//! Every secret (password, key, token) goes out by [`Server::confide`], which first asks the server for its evidence key
//! and compares it with what is remembered. An evidence key is public, so this finds a server that was replaced, moved or
//! mistyped, not an impostor who copies the key: against that stands the certificate.

use atrail_api::{EvidenceKey, InfoResponse, paths};
use atrail_evidence::VerifierKey;
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::answer::{self, ONE_MAX_BYTES};
use super::endpoint::Endpoint;
use super::failure::{Unsent, is_busy, unreachable_error, unread_error};
use super::http::Trust;
use super::problem::explain;
use super::retry::{Backoff, jitter, retry_after};
use super::{http, tls};
use crate::error::{CliError, Result};
use crate::trusted_keys::endorsed;

/// Attempts to learn who a server is.
const ATTEMPTS: u32 = 5;

/// A server that can be asked.
pub(crate) struct Server {
    http: reqwest::Client,
    /// Where it is.
    pub(crate) endpoint: Endpoint,
    /// The keys that are remembered of it: the one that it shows must follow from each. None before the first login.
    known: Vec<VerifierKey>,
    /// The key that it showed, once it was compared.
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
    /// The server there, of which these keys are known. Nothing is asked yet.
    pub(crate) fn new(endpoint: Endpoint, trust: &Trust, known: Vec<VerifierKey>) -> Result<Self> {
        Ok(Self {
            http: http::build(&endpoint, trust)?,
            endpoint,
            known,
            met: OnceCell::new(),
        })
    }

    /// What the server says of itself.
    pub(crate) async fn info(&self) -> Result<InfoResponse> {
        self.public(paths::INFO).await
    }

    /// The key that its evidence is verified with, compared with those that are known.
    pub(crate) async fn key(&self) -> Result<&EvidenceKey> {
        self.met
            .get_or_try_init(|| async {
                let shown: EvidenceKey = self.public(paths::KEYS).await?;
                for known in &self.known {
                    endorsed::follow(known, &shown)?;
                }
                Ok(shown)
            })
            .await
    }

    /// A request that holds a secret. Where a key is known, the server has shown one that follows from it before.
    pub(super) async fn confide(&self, method: Method, path: &str) -> Result<RequestBuilder> {
        if !self.known.is_empty() {
            self.key().await?;
        }
        Ok(self.http.request(method, self.endpoint.join(path)))
    }

    /// Reads something that everybody may know, without saying who asks.
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
                Err(error) if tls::is_lasting(&error) => {
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
