//! Refusals in Elasticsearch's shape.

use serde_json::{Value, json};

/// Why a request, or one search of several, has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The status that the answer has, or would have on its own.
    pub(crate) status: u16,
    /// Elasticsearch's name for the kind of error.
    pub(crate) kind: &'static str,
    /// What is wrong, for people.
    pub(crate) reason: String,
}

impl Refusal {
    /// The request has a shape that cannot be read.
    pub(crate) fn parsing(reason: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "parsing_exception",
            reason: reason.into(),
        }
    }

    /// The request can be read, but not done.
    pub(crate) fn illegal(reason: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "illegal_argument_exception",
            reason: reason.into(),
        }
    }

    /// The document is no event.
    pub(crate) fn document(reason: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "document_parsing_exception",
            reason: reason.into(),
        }
    }

    /// The answer would have more buckets, or need more memory for them, than one answer may.
    pub(crate) fn too_many_buckets(reason: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "too_many_buckets_exception",
            reason: reason.into(),
        }
    }

    /// Returns the body of the answer, which is also the shape of an answer within several.
    pub(crate) fn body(&self) -> Value {
        let cause = json!({"type": self.kind, "reason": self.reason});
        json!({
            "error": {"root_cause": [cause], "type": self.kind, "reason": self.reason},
            "status": self.status,
        })
    }
}
