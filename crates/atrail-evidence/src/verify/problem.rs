//! Faults in the evidence.

use super::report::FindingKind;

/// A fault in a domain's evidence, or a missing part of it.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: FindingKind,
    pub(crate) detail: String,
}

impl Problem {
    /// Returns the same problem, reported for this domain.
    pub(super) fn within(self, domain: &str) -> Self {
        Self {
            detail: format!("{domain}: {}", self.detail),
            ..self
        }
    }
}

/// Returns the problem for a fault in the log.
pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
    Problem {
        kind: FindingKind::LogInvalid,
        detail: detail.into(),
    }
}
