//! Senders that sign a body with the secret of their ingest key and do not send the key itself (GitHub's
//! `X-Hub-Signature-256`). The path or the query names the key by its public part, which is no secret.

use std::net::IpAddr;
use std::sync::Arc;

use atrail_evidence::hex;
use atrail_store::Signer;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use subtle::ConstantTimeEq;

use super::principal::Principal;
use super::secrets::ApiKeySecret;
use super::throttle::slowly_refused;
use crate::app::App;
use crate::audit::Origin;
use crate::error::ApiError;
use crate::ingest_keys::{Signing, SigningError};
use crate::metrics::AuthFailure;

/// The header with the signature of the body: `sha256=` and 64 hexadecimal digits.
const SIGNATURE: &str = "x-hub-signature-256";

/// A sender who names a key, and whose signature is not checked yet: the body has still to arrive. It admits to nothing
/// until [`Claimed::must_have_signed`] agrees.
#[derive(Debug)]
pub(crate) struct Claimed {
    principal: Principal,
    keys: Vec<ApiKeySecret>,
    signature: [u8; 32],
}

impl Claimed {
    /// Returns the sender who names the key with this public part. An unknown key, one that does not sign, and a request
    /// without a signature get the same answer.
    pub(crate) async fn of(parts: &mut Parts, app: &Arc<App>, id: &str) -> Result<Self, ApiError> {
        let origin = Origin::from_request_parts(parts, app).await?;
        let address = origin.address();
        let now = app.clock.moment();
        let signer = app.identity.signer(id, now.date).await?;
        let (Some(Signer { login, secrets }), Some(signature)) =
            (signer, signature(&parts.headers))
        else {
            return slowly_refused(Err(refused(app, address))).await;
        };
        let keys = secrets.iter().map(|secret| {
            let key = app.ingest_keys.signing.key(id, secret.generation)?;
            Ok((key, secret.hash))
        });
        let keys: Result<Vec<_>, SigningError> = keys.collect();
        // With another secret of the server, as after a recovery without its keys, no derived secret is the one that the
        // sender has.
        let keys = keys.map_err(ApiError::internal)?.into_iter();
        let keys: Vec<_> = keys
            .filter(|(key, hash)| key.whole().hash() == *hash)
            .map(|(key, _)| key)
            .collect();
        if keys.is_empty() {
            tracing::error!(
                key = id,
                "the server lost the secret of an ingest key that signs: rotate the key"
            );
        }
        let Some(standing) = app.standings.of(login, now).await? else {
            return slowly_refused(Err(refused(app, address))).await;
        };
        let principal = Principal::admitted(parts, (login, standing), true, origin);
        Ok(Self {
            principal,
            keys,
            signature,
        })
    }

    /// Returns the sender, whose memory the body takes, before the signature is checked.
    pub(crate) const fn sender(&self) -> &Principal {
        &self.principal
    }

    /// Refuses a sender whose signature is not that of this body with a secret of the key. The body is the one that
    /// travelled.
    pub(crate) fn must_have_signed(&self, app: &App, body: &[u8]) -> Result<(), ApiError> {
        let fits =
            |key: &ApiKeySecret| bool::from(Signing::signature(key, body).ct_eq(&self.signature));
        if self.keys.iter().any(fits) {
            self.principal.note_use(app);
            return Ok(());
        }
        Err(refused(app, self.principal.address()))
    }
}

/// Returns the signature in the header; `None` when there is none, or several, or one of another form.
fn signature(headers: &HeaderMap) -> Option<[u8; 32]> {
    let mut values = headers.get_all(SIGNATURE).iter();
    let text = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let digits = text.trim().strip_prefix("sha256=")?;
    let digits = digits.to_ascii_lowercase();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    // `from_str_radix` accepts a sign.
    (hex(&bytes) == digits).then_some(bytes)
}

/// Counts a wrong signature as a wrong key, which waits after too many. A right one never waits: the senders of others may
/// share its address.
fn refused(app: &App, address: IpAddr) -> ApiError {
    app.metrics.auth_failed(AuthFailure::ApiKey);
    if let Err(wait) = app.throttle.begin_key(address, app.clock.elapsed()) {
        return wait;
    }
    tracing::warn!(%address, "a signed request was refused");
    ApiError::unauthenticated(
        "the path or the query names no ingest key that signs, or X-Hub-Signature-256 is not its signature of the body",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_signature_is_64_digits_after_its_name() {
        let read = |texts: &[&str]| {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(SIGNATURE, HeaderValue::from_str(text).unwrap());
            }
            signature(&headers)
        };
        let digits = "0aF".repeat(21) + "f";
        let good = format!("sha256={digits}");
        assert_eq!(read(&[&good]).map(|bytes| bytes[0]), Some(0x0a));
        for wrong in [
            vec![],
            vec![good.as_str(), &good],
            vec![&digits],
            vec![&good[..70]],
            vec!["sha256="],
        ] {
            assert_eq!(read(&wrong), None, "{wrong:?}");
        }
        for wrong in ["+1", " 1", "g0", "é"] {
            let text = format!("sha256={wrong}{}", "0".repeat(62));
            assert_eq!(read(&[&text]), None, "{text}");
        }
    }
}
