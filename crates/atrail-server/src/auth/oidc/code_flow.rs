//! The authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636, OpenID Connect Core §3.1), by which browsers log in.

use atrail_model::Elapsed;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::{Oidc, Refused};
use crate::auth::secrets::{random, sha256};
use crate::error::ApiError;

/// What a browser keeps in a cookie while it is at the provider.
pub(crate) struct Pending {
    state: String,
    nonce: String,
    /// The secret whose hash the provider got (RFC 7636 §4.1).
    verifier: String,
    /// Whether the provider shall ask the user again.
    wants_fresh: bool,
    /// SHA-256 of the cookie of the login that the browser has, in hexadecimal digits, or nothing: its cookie does not come
    /// back with a browser that the provider's page leads.
    earlier: String,
    /// The place in the console to come back to: a fragment.
    back: String,
}

impl Pending {
    /// Begins a login that comes back to this place. `earlier`: the value of the cookie that the browser has.
    pub(crate) fn new(
        back: String,
        wants_fresh: bool,
        earlier: Option<&str>,
    ) -> Result<Self, getrandom::Error> {
        let text = || Ok(URL_SAFE_NO_PAD.encode(random::<32>()?));
        Ok(Self {
            state: text()?,
            nonce: text()?,
            verifier: text()?,
            wants_fresh,
            earlier: earlier
                .map(|value| URL_SAFE_NO_PAD.encode(sha256(value.as_bytes())))
                .unwrap_or_default(),
            back,
        })
    }

    /// Returns the value of the cookie.
    pub(crate) fn to_cookie(&self) -> String {
        let back = URL_SAFE_NO_PAD.encode(&self.back);
        let Self {
            state,
            nonce,
            verifier,
            earlier,
            ..
        } = self;
        let fresh = u8::from(self.wants_fresh);
        format!("{state}.{nonce}.{verifier}.{fresh}.{earlier}.{back}")
    }

    /// Reads the value of a cookie; `None` for any other text.
    pub(crate) fn of_cookie(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(str::to_owned);
        let pending = Self {
            state: parts.next()?,
            nonce: parts.next()?,
            verifier: parts.next()?,
            wants_fresh: match parts.next()?.as_str() {
                "0" => false,
                "1" => true,
                _ => return None,
            },
            earlier: parts.next()?,
            back: String::from_utf8(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok()?,
        };
        parts.next().is_none().then_some(pending)
    }

    /// Returns whether the provider leads back the browser that it was sent.
    pub(crate) fn has_state(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }

    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }

    pub(crate) fn wants_fresh(&self) -> bool {
        self.wants_fresh
    }

    /// Returns the SHA-256 of the cookie that the browser had, if it had one.
    pub(crate) fn earlier(&self) -> Option<[u8; 32]> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.earlier).ok()?;
        bytes.try_into().ok()
    }

    pub(crate) fn back(&self) -> &str {
        &self.back
    }
}

impl Oidc {
    /// Returns the provider's address for a login.
    pub(crate) async fn authorization_url(
        &self,
        pending: &Pending,
        redirect_uri: &str,
        now: Elapsed,
    ) -> Result<String, ApiError> {
        let endpoint = self.provider.endpoints(now).await?.authorization;
        let challenge = URL_SAFE_NO_PAD.encode(sha256(pending.verifier.as_bytes()));
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", redirect_uri),
            ("scope", &self.settings.scope),
            ("state", &pending.state),
            ("nonce", &pending.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        // OpenID Connect Core §3.1.2.1: the provider asks the user again, and must then say when that was.
        if pending.wants_fresh {
            query.extend([("prompt", "login"), ("max_age", "0")]);
        }
        let url = reqwest::Url::parse_with_params(&endpoint, query);
        url.map(String::from).map_err(ApiError::internal)
    }

    /// Exchanges the provider's code for its ID token.
    pub(crate) async fn exchange(
        &self,
        code: &str,
        pending: &Pending,
        redirect_uri: &str,
        now: Elapsed,
    ) -> Result<String, Refused> {
        let endpoints = self.provider.endpoints(now).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("client_id", &self.client_id),
            ("code_verifier", &pending.verifier),
        ];
        let token = endpoints.map_err(Refused::Other)?.token;
        self.provider.id_token(&token, &form).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_keeps_reads_back() {
        let back = "#/explore?q=a.b;c".to_owned();
        let kept = Pending::new(back, true, Some("value")).unwrap();
        let other = Pending::new(String::new(), false, None).unwrap();
        let text = kept.to_cookie();
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)),
            "{text}"
        );
        let read = Pending::of_cookie(&text).unwrap();
        assert_eq!((read.nonce(), read.back()), (kept.nonce(), kept.back()));
        assert_eq!(read.verifier, kept.verifier);
        assert!(read.wants_fresh() && !other.wants_fresh());
        assert_eq!(read.earlier(), Some(sha256(b"value")));
        let none = Pending::of_cookie(&other.to_cookie()).unwrap();
        assert_eq!((none.earlier(), none.wants_fresh()), (None, false));
        assert!(read.has_state(&kept.state));
        assert!(!read.has_state(&other.state) && !read.has_state(""));
        for wrong in [
            "",
            "a.b.c",
            "a.b.c.0..?",
            "a.b.c.2..YQ",
            &format!("{text}.x"),
        ] {
            assert!(Pending::of_cookie(wrong).is_none(), "{wrong}");
        }
    }
}
