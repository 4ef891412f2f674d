//! Gets an ID token from the server's OpenID provider, by the device flow (RFC 8628).

use std::time::Duration;

use atrail_api::OidcInfo;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::{self, ONE_MAX_BYTES};
use super::endpoint::{Endpoint, is_loopback};
use super::failure::unreachable_error;
use super::http;
use super::http::Trust;
use crate::error::{CliError, Exit, Result};
use crate::printer::Printer;

/// RFC 8628 §3.2 and §3.5: seconds between two polls unless the provider specifies others, and seconds to add on
/// `slow_down`.
const INTERVAL_SECS: u64 = 5;
/// Longest interval between two polls, even if the provider asks for more.
const LONGEST_INTERVAL_SECS: u64 = 60;
/// Longest life of a code, even if the provider allows more.
const LONGEST_WAIT_SECS: u64 = 1800;
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The members of the provider's description that the client uses (OpenID Connect Discovery §3, RFC 8628 §4).
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
}

/// RFC 8628 §3.2.
#[derive(Deserialize)]
struct Device {
    device_code: String,
    user_code: String,
    verification_uri: String,
    #[serde(default)]
    verification_uri_complete: Option<String>,
    expires_in: u64,
    #[serde(default)]
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    id_token: Option<String>,
}

/// RFC 6749 §5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: Option<String>,
}

/// The provider that the server names.
struct Provider<'a> {
    info: &'a OidcInfo,
    endpoint: Endpoint,
    http: reqwest::Client,
    discovery: Discovery,
}

/// Sends the user to the provider, and waits for the token.
pub(crate) async fn id_token(info: &OidcInfo, trust: &Trust, printer: &Printer) -> Result<String> {
    let provider = Provider::discover(info, trust).await?;
    let device = provider.begin().await?;
    let code = &device.user_code;
    // A warning and not a note: nobody can log in without this line, so -q does not hide it.
    printer.warn(&format!(
        "Open {} and enter the code {code}",
        device.verification_uri
    ));
    if let Some(whole) = &device.verification_uri_complete {
        printer.warn(&format!("or open {whole}"));
    }
    provider.wait(&device).await
}

impl<'a> Provider<'a> {
    async fn discover(info: &'a OidcInfo, trust: &Trust) -> Result<Self> {
        let endpoint: Endpoint = private(&info.issuer)?.as_str().parse()?;
        // The user accepted an unchecked certificate of the server only, not of the provider that authenticates the
        // user.
        let trust = Trust {
            skip_ssl_validation: false,
            ..trust.clone()
        };
        let http = http::build(&endpoint, &trust)?;
        let url = endpoint.join("/.well-known/openid-configuration");
        let asked = http.get(url).send().await;
        let answer = asked.map_err(|error| unreachable_error(&endpoint, &error))?;
        let discovery: Discovery = read(answer, &endpoint).await?;
        if discovery.issuer != info.issuer {
            return Err(CliError::failed(
                "the OpenID provider is not the one that the server names",
            )
            .because(format!("it calls itself {:?}", discovery.issuer)));
        }
        Ok(Self {
            info,
            endpoint,
            http,
            discovery,
        })
    }

    /// Requests the codes of a login.
    async fn begin(&self) -> Result<Device> {
        let Some(place) = &self.discovery.device_authorization_endpoint else {
            return Err(CliError::failed("the OpenID provider does not support the device flow")
                .hint("its operator can switch it on for this client; or log in by password or API key"));
        };
        let url = private(place)?;
        let form = [
            ("client_id", self.info.client_id.as_str()),
            ("scope", self.info.scope.as_str()),
        ];
        let asked = self.http.post(url).form(&form).send().await;
        let answer = asked.map_err(|error| unreachable_error(&self.endpoint, &error))?;
        read(answer, &self.endpoint).await
    }

    /// Polls until the user agrees, or the code expires.
    async fn wait(&self, device: &Device) -> Result<String> {
        let url = private(&self.discovery.token_endpoint)?;
        let form = [
            ("grant_type", DEVICE_CODE),
            ("device_code", device.device_code.as_str()),
            ("client_id", self.info.client_id.as_str()),
        ];
        let mut left = device.expires_in.min(LONGEST_WAIT_SECS);
        let mut interval = device
            .interval
            .unwrap_or(INTERVAL_SECS)
            .clamp(1, LONGEST_INTERVAL_SECS);
        while let Some(rest) = left.checked_sub(interval) {
            left = rest;
            tokio::time::sleep(Duration::from_secs(interval)).await;
            // Poll again after a lost answer.
            let Ok(answer) = self.http.post(url.clone()).form(&form).send().await else {
                continue;
            };
            if answer.status().is_success() {
                let tokens: Tokens = read(answer, &self.endpoint).await?;
                return tokens.id_token.ok_or_else(|| {
                    CliError::failed("the OpenID provider returned no ID token")
                        .hint("the scope must have `openid`: auth.oidc.scope in the server's configuration")
                });
            }
            let Ok(refusal) = read_json::<Refusal>(answer, &self.endpoint).await else {
                continue;
            };
            match refusal.error.as_str() {
                "authorization_pending" => {}
                "slow_down" => interval = (interval + INTERVAL_SECS).min(LONGEST_INTERVAL_SECS),
                "expired_token" => break,
                _ => return Err(refused(refusal)),
            }
        }
        Err(
            CliError::new(Exit::Denied, "nobody approved the login in time")
                .hint("run `atrail login --sso` again"),
        )
    }
}

fn refused(refusal: Refusal) -> CliError {
    let why = refusal.error_description.unwrap_or(refusal.error);
    CliError::new(Exit::Denied, "the OpenID provider refused the login").because(why)
}

/// Parses a URL that the provider names, and accepts it if codes and tokens may be sent to it.
fn private(url: &str) -> Result<Url> {
    let refused = |why: String| {
        CliError::failed(format!(
            "the OpenID provider names an unusable URL, {url:?}"
        ))
        .because(why)
        .hint("the provider must speak https")
    };
    let parsed = Url::parse(url).map_err(|error| refused(error.to_string()))?;
    let is_local = is_loopback(parsed.host_str().unwrap_or_default());
    match parsed.scheme() {
        "https" => Ok(parsed),
        "http" if is_local => Ok(parsed),
        _ => Err(refused("it is not https".to_owned())),
    }
}

async fn read<T: DeserializeOwned>(answer: reqwest::Response, endpoint: &Endpoint) -> Result<T> {
    let status = answer.status();
    if matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) {
        if let Ok(refusal) = read_json(answer, endpoint).await {
            return Err(refused(refusal));
        }
        return Err(CliError::failed(format!("{endpoint} answered {status}")));
    }
    if !status.is_success() {
        return Err(CliError::failed(format!("{endpoint} answered {status}")));
    }
    read_json(answer, endpoint).await
}

async fn read_json<T: DeserializeOwned>(
    answer: reqwest::Response,
    endpoint: &Endpoint,
) -> Result<T> {
    let failed = || CliError::failed(format!("{endpoint} does not answer as an OpenID provider"));
    let body = answer::read(answer, ONE_MAX_BYTES)
        .await
        .map_err(|error| failed().because(error))?;
    serde_json::from_slice(&body).map_err(|error| failed().because(error))
}
