//! Users of an OpenID provider: the server accepts the provider's ID tokens (OpenID Connect Core §2, §3.1.3.7) instead
//! of a password.

mod claims;
mod code_flow;
mod provider;

use std::time::Duration;

use atrail_model::{HeldRole, Moment, Timestamp};
use atrail_store::Tenancy;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::settings::{OidcAlgorithm, OidcSettings};
pub(crate) use code_flow::Pending;
use provider::Provider;

/// How far the provider's clock may differ from the server's.
const LEEWAY_SECS: i64 = 60;
/// Greatest age of a token; an older one was issued for another login.
const MAX_AGE_SECS: i64 = 600;
/// Longest token that the server parses, in bytes.
const TOKEN_MAX_BYTES: usize = 16 << 10;

/// The provider's verified statement about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The provider's permanent identifier of the user.
    pub(crate) subject: String,
    /// The user's name.
    pub(crate) name: String,
    claims: Map<String, Value>,
}

impl Verified {
    /// Returns when the user last proved to the provider who they are (OpenID Connect Core §2, `auth_time`); `None` when the
    /// provider does not say, or names a time that has not come.
    pub(crate) fn proven(&self, now: Timestamp) -> Option<Timestamp> {
        let second = self.claims.get("auth_time")?.as_f64()?;
        if !second.is_finite() || second > (now.as_second() + LEEWAY_SECS) as f64 {
            return None;
        }
        let proven = Timestamp::from_second(second as i64).ok()?;
        Some(proven.min(now))
    }

    /// Returns whether the statement was made for the login that has this nonce.
    pub(crate) fn is_for(&self, nonce: &str) -> bool {
        self.claims.get("nonce").and_then(Value::as_str) == Some(nonce)
    }
}

/// Why the server refuses a token.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The token is invalid; the log gives the reason.
    Token(&'static str),
    /// The token is valid, but the claim that should contain the name does not.
    NoName(String),
    /// The server cannot reach the provider.
    Other(ApiError),
}

/// The provider that this server trusts.
#[derive(Debug)]
pub(crate) struct Oidc {
    settings: OidcSettings,
    issuer: String,
    client_id: String,
    provider: Provider,
}

impl Oidc {
    /// Creates the provider; `None` when the settings name none.
    pub(crate) fn new(settings: &OidcSettings) -> Result<Option<Self>, ApiError> {
        let (Some(issuer), Some(client_id)) = (&settings.issuer, &settings.client_id) else {
            return Ok(None);
        };
        Ok(Some(Self {
            provider: Provider::new(issuer, settings.ca_file.as_deref())?,
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            settings: settings.clone(),
        }))
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the host of the issuer's URL, as people know the provider.
    pub(crate) fn host(&self) -> &str {
        let (_, rest) = self.issuer.split_once("://").unwrap_or(("", &self.issuer));
        rest.split(['/', ':']).next().unwrap_or(rest)
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn scope(&self) -> &str {
        &self.settings.scope
    }

    pub(crate) const fn login_ttl(&self) -> Duration {
        self.settings.login_ttl
    }

    /// Returns the roles that follow from the provider's statement, as far as their accounts and spaces exist.
    pub(crate) async fn roles(
        &self,
        tenancy: &Tenancy,
        user: &Verified,
    ) -> Result<Vec<HeldRole>, ApiError> {
        claims::roles(&self.settings.roles, &user.claims, tenancy).await
    }

    /// Verifies a token, and returns the provider's statement about its user.
    pub(crate) async fn verify(&self, token: &str, now: Moment) -> Result<Verified, Refused> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(Refused::Token("it is too long"));
        }
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| Refused::Token("its header is unreadable"))?;
        let allowed = self.settings.algorithms.iter().map(|one| algorithm(*one));
        if !allowed.into_iter().any(|one| one == header.alg) {
            return Err(Refused::Token("its algorithm is not allowed"));
        }
        if header.crit.is_some() {
            return Err(Refused::Token("it has critical extensions"));
        }
        // The server accepts no access tokens or logout tokens here (RFC 9068 §2.1, RFC 8725 §3.11).
        let kind = header.typ.as_deref();
        if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("JWT")) {
            return Err(Refused::Token("it is another kind of token"));
        }
        let key = self
            .provider
            .key(header.kid.as_deref(), now.elapsed)
            .await
            .map_err(Refused::Other)?
            .ok_or(Refused::Token("its key is not the provider's"))?;
        let claims = self.decode(token, header.alg, &key)?;
        self.check(claims, now.date)
    }

    /// Verifies signature, issuer and audience.
    fn decode(
        &self,
        token: &str,
        algorithm: Algorithm,
        key: &Jwk,
    ) -> Result<Map<String, Value>, Refused> {
        let is_for_signing = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
        let names_another = key
            .common
            .key_algorithm
            .is_some_and(|named| named.to_string() != format!("{algorithm:?}"));
        if !is_for_signing || names_another {
            return Err(Refused::Token("its key is for another purpose"));
        }
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.issuer]);
        let audience = self.settings.audience.as_ref().unwrap_or(&self.client_id);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        // `check` compares the times with the server's own clock.
        validation.validate_exp = false;
        let decoding =
            DecodingKey::from_jwk(key).map_err(|_| Refused::Token("its key is unusable"))?;
        jsonwebtoken::decode::<Map<String, Value>>(token, &decoding, &validation)
            .map(|decoded| decoded.claims)
            .map_err(|_| Refused::Token("its signature, issuer or audience is wrong"))
    }

    /// Checks the remaining claims: times, authorised party, subject, name.
    fn check(&self, claims: Map<String, Value>, now: Timestamp) -> Result<Verified, Refused> {
        let second = |name: &str| claims.get(name).and_then(Value::as_f64);
        let now = now.as_second() as f64;
        let (leeway, max_age) = (LEEWAY_SECS as f64, MAX_AGE_SECS as f64);
        if second("exp").is_none_or(|expires| now >= expires + leeway) {
            return Err(Refused::Token("it has expired"));
        }
        let issued = second("iat").ok_or(Refused::Token("it does not state when it was issued"))?;
        if issued > now + leeway || second("nbf").is_some_and(|from| from > now + leeway) {
            return Err(Refused::Token("it is from the future"));
        }
        if issued < now - max_age {
            return Err(Refused::Token("it was issued too long ago"));
        }
        let party = claims.get("azp");
        if party.is_some_and(|party| party.as_str() != Some(&self.client_id)) {
            return Err(Refused::Token("it was issued to another client"));
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let subject = text("sub").to_owned();
        if subject.is_empty() {
            return Err(Refused::Token("it names no subject"));
        }
        let name = text(&self.settings.user_claim).to_owned();
        if name.is_empty() {
            return Err(Refused::NoName(self.settings.user_claim.clone()));
        }
        Ok(Verified {
            subject,
            name,
            claims,
        })
    }
}

const fn algorithm(allowed: OidcAlgorithm) -> Algorithm {
    match allowed {
        OidcAlgorithm::RS256 => Algorithm::RS256,
        OidcAlgorithm::RS384 => Algorithm::RS384,
        OidcAlgorithm::RS512 => Algorithm::RS512,
        OidcAlgorithm::PS256 => Algorithm::PS256,
        OidcAlgorithm::PS384 => Algorithm::PS384,
        OidcAlgorithm::PS512 => Algorithm::PS512,
        OidcAlgorithm::ES256 => Algorithm::ES256,
        OidcAlgorithm::ES384 => Algorithm::ES384,
        OidcAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}
