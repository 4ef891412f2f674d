//! One request of the client: its content, whether it may be repeated, and how large its answer may be.

use atrail_api::headers;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use super::answer::LIST_MAX_BYTES;
use crate::error::{CliError, Result};

/// Whether the client may send a request again when its outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Always: a second request changes nothing more.
    Safe,
    /// Always: the server recognizes the request by its `Idempotency-Key`. When the attempts run out, the outcome is
    /// still unknown.
    Keyed,
    /// Only when the request certainly had no effect: it was not sent, or the server refused it.
    Refused,
}

/// One request, before it has a server or a token.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) repeat: Repeat,
    pub(super) answers: &'static [u16],
    pub(super) answer_max_bytes: u64,
    pub(super) is_untargeted: bool,
}

impl Call {
    fn new(method: Method, path: impl Into<String>, repeat: Repeat) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            repeat,
            answers: &[],
            answer_max_bytes: LIST_MAX_BYTES,
            is_untargeted: false,
        }
    }

    /// Builds a request that reads.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, Repeat::Safe)
    }

    /// Builds a request that reads, and whose question travels in its body.
    pub(crate) fn post_to_read(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path, Repeat::Safe)
    }

    /// Builds a request that creates something. The client does not repeat it after a lost answer, because a second
    /// request may create a second object.
    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path, Repeat::Refused)
    }

    /// Builds a request that creates something where the server honours the `Idempotency-Key`: a second request creates
    /// nothing more.
    pub(crate) fn post_with_key(path: impl Into<String>) -> Self {
        let key = uuid::Uuid::new_v4().to_string();
        Self::new(Method::POST, path, Repeat::Keyed).header(headers::IDEMPOTENCY_KEY, &key)
    }

    /// Builds a request that sets something; a second request changes nothing more.
    pub(crate) fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path, Repeat::Safe)
    }

    /// Names neither the targeted space nor the account.
    pub(crate) const fn untargeted(mut self) -> Self {
        self.is_untargeted = true;
        self
    }

    /// Accepts these statuses as answers in addition to 2xx.
    pub(crate) fn answers(mut self, statuses: &'static [u16]) -> Self {
        self.answers = statuses;
        self
    }

    /// Accepts an answer of at most this many bytes, in place of [`LIST_MAX_BYTES`].
    pub(crate) const fn answer_of_at_most(mut self, max_bytes: u64) -> Self {
        self.answer_max_bytes = max_bytes;
        self
    }

    /// Like [`Call::put`], for a request that the server refuses the second time because of the first.
    pub(crate) fn put_once(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path, Repeat::Refused)
    }

    /// Builds a request that deletes something. The client does not repeat it blindly: a second request would find
    /// nothing.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path, Repeat::Refused)
    }

    /// Adds a query from an object of scalar members.
    pub(crate) fn query(mut self, query: &impl Serialize) -> Result<Self> {
        let members = serde_json::to_value(query)
            .map_err(|error| CliError::failed("could not write the request").because(error))?;
        for (name, value) in members.as_object().into_iter().flatten() {
            let text = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            self.query.push((name.clone(), text));
        }
        Ok(self)
    }

    /// Adds a JSON body.
    pub(crate) fn json(self, body: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_vec(body)
            .map_err(|error| CliError::failed("could not write the request").because(error))?;
        Ok(self.body("application/json", text.into()))
    }

    /// Adds a body.
    pub(crate) fn body(mut self, content_type: &'static str, body: Bytes) -> Self {
        self.body = body;
        self.headers.insert(
            reqwest::header::CONTENT_TYPE,
            HeaderValue::from_static(content_type),
        );
        self
    }

    /// Adds a header; the value must be visible ASCII.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }
}
