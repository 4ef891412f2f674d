//! The provider's keys: found by discovery (OpenID Connect Discovery §4), cached, and fetched again at limited
//! intervals.

use std::path::Path;
use std::time::Duration;

use atrail_model::Elapsed;
use futures_util::StreamExt;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::Refused;
use crate::error::ApiError;
use crate::settings::oidc::is_safe;

/// The server fetches the keys again after this time.
const FRESH_FOR: Duration = Duration::from_secs(3600);
/// While it cannot fetch them, it trusts the cached keys for this time.
const STALE_AFTER: Duration = Duration::from_secs(86_400);
/// For an unknown key, the server fetches the keys again, but no more often than this: anybody can make up a key.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// Longest answer that the server reads, in bytes.
const ANSWER_MAX_BYTES: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(10);

/// A provider and its cached keys.
#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    http: reqwest::Client,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    keys: Vec<Jwk>,
    endpoints: Option<Endpoints>,
    /// When the keys were fetched.
    since: Option<Elapsed>,
    /// When the server last tried to fetch them, with or without success.
    asked: Option<Elapsed>,
}

/// Where the provider logs browsers in.
#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    pub(super) authorization: String,
    pub(super) token: String,
}

/// The members of the provider's description that the server uses.
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint: Option<String>,
}

impl Discovery {
    /// Returns where the provider logs browsers in, unless somebody on the network could read what goes there.
    fn endpoints(&self) -> Option<Endpoints> {
        let private = |url: &Option<String>| {
            let url = url.clone()?;
            let (place, _) = url.split_once('?').unwrap_or((&url, ""));
            is_safe(place).then_some(url)
        };
        Some(Endpoints {
            authorization: private(&self.authorization_endpoint)?,
            token: private(&self.token_endpoint)?,
        })
    }
}

/// The answer of the token endpoint, or its refusal (RFC 6749 §5).
#[derive(Debug, Deserialize)]
struct Tokens {
    #[serde(default)]
    id_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// The provider cannot be reached, or its answer is invalid.
#[derive(Debug, thiserror::Error)]
enum ProviderError {
    #[error("cannot reach {url}")]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("{url} answered {status}")]
    Status {
        url: String,
        status: reqwest::StatusCode,
    },
    #[error("{url} sent an invalid answer: {why}")]
    Answer { url: String, why: String },
}

impl Provider {
    pub(super) fn new(issuer: &str, ca_file: Option<&Path>) -> Result<Self, ApiError> {
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("atrail/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT);
        if let Some(file) = ca_file {
            let pem = std::fs::read(file).map_err(ApiError::internal)?;
            let authorities =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(ApiError::internal)?;
            http = http.tls_certs_merge(authorities);
        }
        if issuer.starts_with("http:") {
            // The provider is on this machine, so no proxy is involved.
            http = http.no_proxy();
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            http: http.build().map_err(ApiError::internal)?,
            known: Mutex::default(),
        })
    }

    /// Returns the provider's key of this id; without an id, its only key.
    pub(super) async fn key(
        &self,
        id: Option<&str>,
        now: Elapsed,
    ) -> Result<Option<Jwk>, ApiError> {
        let mut known = self.known.lock().await;
        let found = find(&known.keys, id);
        let may_ask = known
            .asked
            .is_none_or(|asked| now.since(asked) >= ASK_EVERY);
        let is_fresh = known
            .since
            .is_some_and(|since| now.since(since) < FRESH_FOR);
        if (is_fresh && found.is_some()) || (!may_ask && known.since.is_some()) {
            return Ok(found.filter(|_| known.is_believable(now)));
        }
        if !may_ask {
            return Err(unavailable());
        }
        known.asked = Some(now);
        match self.fetch().await {
            Ok((keys, endpoints)) => {
                known.keys = keys;
                known.endpoints = endpoints;
                known.since = Some(now);
                Ok(find(&known.keys, id))
            }
            Err(error) => {
                note(&error);
                match found.filter(|_| known.is_believable(now)) {
                    Some(key) => Ok(Some(key)),
                    None => Err(unavailable()),
                }
            }
        }
    }

    /// Returns where the provider logs browsers in.
    pub(super) async fn endpoints(&self, now: Elapsed) -> Result<Endpoints, ApiError> {
        let mut known = self.known.lock().await;
        let is_fresh = known
            .since
            .is_some_and(|since| now.since(since) < FRESH_FOR);
        let may_ask = known
            .asked
            .is_none_or(|asked| now.since(asked) >= ASK_EVERY);
        if !is_fresh && may_ask {
            known.asked = Some(now);
            match self.fetch().await {
                Ok((keys, endpoints)) => {
                    known.keys = keys;
                    known.endpoints = endpoints;
                    known.since = Some(now);
                }
                Err(error) => note(&error),
            }
        }
        if !known.is_believable(now) {
            return Err(unavailable());
        }
        known.endpoints.clone().ok_or_else(|| {
            ApiError::unavailable("the OpenID provider states no place where it logs browsers in")
        })
    }

    /// Requests tokens with this form, and returns the ID token.
    pub(super) async fn id_token(
        &self,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<String, Refused> {
        let failed = |error: &ProviderError| {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "cannot exchange the OpenID provider's code"
            );
            Refused::Other(unavailable())
        };
        let unreachable = |source| ProviderError::Unreachable {
            url: url.to_owned(),
            source,
        };
        let sent = self.http.post(url).form(form).send().await;
        let response = sent.map_err(|error| failed(&unreachable(error)))?;
        let status = response.status();
        if status.is_client_error() {
            return Err(Refused::Token("the provider refuses the code"));
        }
        let tokens: Tokens = self
            .read(url, response)
            .await
            .map_err(|error| failed(&error))?;
        tokens
            .id_token
            .ok_or(Refused::Token("the provider gave none for the code"))
    }

    async fn fetch(&self) -> Result<(Vec<Jwk>, Option<Endpoints>), ProviderError> {
        let base = self.issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let discovery: Discovery = self.get(&url).await?;
        if discovery.issuer != self.issuer {
            let why = format!("it is {:?}, not {:?}", discovery.issuer, self.issuer);
            return Err(ProviderError::Answer { url, why });
        }
        if !is_safe(&discovery.jwks_uri) {
            let why = format!(
                "its keys are at {:?}, which is not https",
                discovery.jwks_uri
            );
            return Err(ProviderError::Answer { url, why });
        }
        let endpoints = discovery.endpoints();
        let set: KeySet = self.get(&discovery.jwks_uri).await?;
        // The server skips a key of an unknown kind, because other programs may know it.
        let keys = set.keys.into_iter();
        let keys = keys.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let keys = keys.filter(|key| !matches!(key.algorithm, AlgorithmParameters::Other(_)));
        Ok((keys.collect(), endpoints))
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, ProviderError> {
        let sent = self.http.get(url).send().await;
        let response = sent.map_err(|source| ProviderError::Unreachable {
            url: url.to_owned(),
            source,
        })?;
        self.read(url, response).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        url: &str,
        response: reqwest::Response,
    ) -> Result<T, ProviderError> {
        let unreachable = |source| ProviderError::Unreachable {
            url: url.to_owned(),
            source,
        };
        let wrong = |why: String| ProviderError::Answer {
            url: url.to_owned(),
            why,
        };
        let status = response.status();
        if !status.is_success() {
            let url = url.to_owned();
            return Err(ProviderError::Status { url, status });
        }
        let mut stream = response.bytes_stream();
        let mut whole = Vec::new();
        while let Some(chunk) = stream.next().await {
            whole.extend_from_slice(&chunk.map_err(unreachable)?);
            if whole.len() > ANSWER_MAX_BYTES {
                return Err(wrong(format!("more than {ANSWER_MAX_BYTES} bytes")));
            }
        }
        serde_json::from_slice(&whole).map_err(|error| wrong(error.to_string()))
    }
}

impl Known {
    fn is_believable(&self, now: Elapsed) -> bool {
        self.since
            .is_some_and(|since| now.since(since) < STALE_AFTER)
    }
}

fn find(keys: &[Jwk], id: Option<&str>) -> Option<Jwk> {
    match (id, keys) {
        (Some(id), _) => keys
            .iter()
            .find(|key| key.common.key_id.as_deref() == Some(id))
            .cloned(),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}

fn note(error: &ProviderError) {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "cannot fetch the OpenID provider's keys"
    );
}

fn unavailable() -> ApiError {
    ApiError::unavailable("the server cannot reach the OpenID provider now: try again in a minute")
        .retry_after(60)
}
