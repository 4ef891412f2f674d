//! Access tokens: short-lived JWTs (RFC 9068 in spirit), signed with Ed25519, verified once and then cached.

use std::sync::Arc;
use std::time::Duration;

use atrail_model::{Elapsed, LoginId, Moment, Recent, Timestamp, User};
use atrail_store::Secrets;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use super::secrets::{random, sha256};
use super::signing::{self, SigningKeyError};
use crate::error::ApiError;

/// The issuer of the tokens.
const ISSUER: &str = "atrail";
/// The audience of the tokens.
const AUDIENCE: &str = "atrail";
/// Number of verified tokens that are cached.
const REMEMBERED: usize = 10_000;
/// Longest token that the server parses, in bytes.
const MAX_BYTES: usize = 4096;

/// How a login began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClientKind {
    /// By a password.
    Password,
    /// By an API key.
    ApiKey,
    /// Through an OpenID provider.
    Sso,
    /// By a link.
    Link,
}

/// The claims of a token.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    iat: i64,
    jti: String,
    sid: String,
    client: ClientKind,
    user_name: String,
}

/// A new access token.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) jti: String,
    pub(crate) expires_in_secs: u64,
}

/// Issues and verifies tokens.
pub(crate) struct Tokens {
    secrets: Arc<dyn Secrets>,
    keys: RwLock<Keys>,
    validation: Validation,
    ttl: Duration,
    /// By SHA-256 of the token.
    verified: Mutex<Recent<[u8; 32], Known>>,
}

/// The relevant claims of a verified token.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The login that the token names.
    login: LoginId,
    /// The second in which the token was issued.
    issued: i64,
    /// The second from which the token is expired.
    expires: i64,
}

/// The key that signs, and its predecessor.
struct Keys {
    current: Key,
    /// The predecessor's tokens are valid until they expire. The second member is the latest such time, independent of
    /// the clock.
    previous: Option<(Key, Elapsed)>,
}

struct Key {
    encoding: EncodingKey,
    decoding: DecodingKey,
    jwk: Jwk,
    id: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("key_id", &self.keys.read().current.id)
            .finish_non_exhaustive()
    }
}

/// The server cannot use the signing key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokensError {
    /// The server cannot read or create the key.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The library refuses the key.
    #[error("the token signing key is refused")]
    Refused(#[from] jsonwebtoken::errors::Error),
}

impl Key {
    fn of(der: &[u8]) -> Result<Self, TokensError> {
        let encoding = EncodingKey::from_ed_der(der);
        let mut jwk = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA)?;
        let id = match &jwk.algorithm {
            // RFC 8037 §2 and RFC 7638 §3.2: the members of an Ed25519 key in lexical order.
            AlgorithmParameters::OctetKeyPair(key) => base64_url(&sha256(
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, key.x).as_bytes(),
            )),
            _ => jwk.thumbprint(ThumbprintHash::SHA256)?,
        };
        jwk.common.key_id = Some(id.clone());
        jwk.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
        Ok(Self {
            decoding: DecodingKey::from_jwk(&jwk)?,
            encoding,
            jwk,
            id,
        })
    }
}

impl Keys {
    /// Returns the key of this id, if its tokens are valid now.
    fn find(&self, id: Option<&str>, now: Elapsed) -> Option<&Key> {
        let previous = self.previous.as_ref();
        let previous = previous.filter(|(_, until)| now < *until);
        let mut all = std::iter::once(&self.current).chain(previous.map(|(key, _)| key));
        all.find(|key| Some(key.id.as_str()) == id)
    }
}

impl Tokens {
    /// Opens the key among these secrets, and creates it if there is none.
    pub(crate) fn open(secrets: Arc<dyn Secrets>, ttl: Duration) -> Result<Self, TokensError> {
        let current = Key::of(&signing::load_or_make(&*secrets)?)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        // `is_good` compares the times with the server's own clock.
        validation.validate_exp = false;
        Ok(Self {
            secrets,
            keys: RwLock::new(Keys {
                current,
                previous: None,
            }),
            validation,
            ttl,
            verified: Mutex::new(Recent::new(REMEMBERED)),
        })
    }

    /// Returns the public keys of valid tokens, as a JWK set (RFC 7517 §5).
    pub(crate) fn jwks(&self, now: Elapsed) -> String {
        let keys = self.keys.read();
        let previous = keys.previous.as_ref();
        let previous = previous.filter(|(_, until)| now < *until);
        let all: Vec<_> = std::iter::once(&keys.current)
            .chain(previous.map(|(key, _)| key))
            .map(|key| &key.jwk)
            .collect();
        serde_json::json!({ "keys": all }).to_string()
    }

    /// Creates a new signing key. Tokens of its predecessor stay valid until they expire; those of earlier keys do not.
    /// A restart forgets the predecessor: clients then refresh their tokens.
    pub(crate) fn rotate(&self, now: Elapsed) -> Result<(), TokensError> {
        let mut keys = self.keys.write();
        let next = Key::of(&signing::replace(&*self.secrets)?)?;
        let until = now.after(self.lifetime());
        let before = std::mem::replace(&mut keys.current, next);
        keys.previous = Some((before, until));
        *self.verified.lock() = Recent::new(REMEMBERED);
        Ok(())
    }

    /// Issues a token for a login.
    pub(crate) fn issue(
        &self,
        user: &User,
        login: LoginId,
        client: ClientKind,
        now: Timestamp,
    ) -> Result<Issued, ApiError> {
        let jti = atrail_evidence::hex(&random::<16>().map_err(ApiError::internal)?);
        let expires_in_secs = self.lifetime().as_secs();
        let iat = now.as_second();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: user.id.to_string(),
            aud: AUDIENCE.to_owned(),
            exp: iat.saturating_add_unsigned(expires_in_secs),
            iat,
            jti: jti.clone(),
            sid: login.to_string(),
            client,
            user_name: user.name.clone(),
        };
        let keys = self.keys.read();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(keys.current.id.clone());
        let token = jsonwebtoken::encode(&header, &claims, &keys.current.encoding)
            .map_err(ApiError::internal)?;
        Ok(Issued {
            token,
            jti,
            expires_in_secs,
        })
    }

    /// Returns a token's lifetime, in whole seconds.
    fn lifetime(&self) -> Duration {
        Duration::from_secs(self.ttl.as_secs().max(1))
    }

    /// Returns the login that a token names; `None` when the token is not the server's or has expired. A token that was
    /// issued a whole lifetime or more ahead of this moment is invalid: the clock was ahead then, and the token would
    /// stay valid for as long. A cached token costs one hash.
    pub(crate) fn verify(&self, token: &str, now: Moment) -> Option<LoginId> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let key = sha256(token.as_bytes());
        let known = self.verified.lock().get(&key).copied();
        let known = match known {
            Some(known) => known,
            None => self.verify_anew(token, key, now)?,
        };
        self.is_good(&known, now).then_some(known.login)
    }

    fn is_good(&self, known: &Known, now: Moment) -> bool {
        let second = now.date.as_second();
        let ahead = known.issued.saturating_sub(second);
        let lifetime = i64::try_from(self.lifetime().as_secs()).unwrap_or(i64::MAX);
        second < known.expires && ahead < lifetime
    }

    fn verify_anew(&self, token: &str, key: [u8; 32], now: Moment) -> Option<Known> {
        // Held to the end, so that no token of a key that is replaced meanwhile enters the cache.
        let keys = self.keys.read();
        let header = jsonwebtoken::decode_header(token).ok()?;
        let signer = keys.find(header.kid.as_deref(), now.elapsed)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &signer.decoding, &self.validation)
            .ok()?
            .claims;
        let found = Known {
            login: claims.sid.parse().ok()?,
            issued: claims.iat,
            expires: claims.exp,
        };
        if self.is_good(&found, now) {
            self.verified.lock().insert(key, found, 1);
        }
        Some(found)
    }
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
