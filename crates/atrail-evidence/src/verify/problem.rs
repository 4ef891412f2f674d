//! Why evidence does not hold.

use super::report::FindingKind;

/// Why a domain's evidence does not hold.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: FindingKind,
    pub(crate) detail: String,
}

impl Problem {
    /// The same, told as one of this domain.
    pub(super) fn within(self, domain: &str) -> Self {
        Self {
            detail: format!("{domain}: {}", self.detail),
            ..self
        }
    }
}

/// Something in the log is not right.
pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
    Problem {
        kind: FindingKind::LogInvalid,
        detail: detail.into(),
    }
}
