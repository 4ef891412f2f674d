//! The verdict on one file.

use std::error::Error;

use atrail_evidence::{Outcome, ProofError, Report};
use serde::Serialize;

/// What a check of a file found.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Judged {
    /// The receipt was read.
    Report(Box<Report>),
    /// The file or its receipt is missing, or the receipt is not one that this verifier understands.
    WithoutReceipt {
        /// The verdict.
        outcome: Outcome,
        /// The reason, in words.
        error: String,
        /// Whether it is the file itself that is not there.
        #[serde(skip)]
        is_file_missing: bool,
    },
}

impl Judged {
    /// Returns the verdict for a receipt that could not be read, with the reason in words.
    #[must_use]
    pub const fn without_receipt(outcome: Outcome, error: String) -> Self {
        Self::WithoutReceipt {
            outcome,
            error,
            is_file_missing: false,
        }
    }

    /// Returns the conclusion.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Report(report) => report.outcome,
            Self::WithoutReceipt { outcome, .. } => *outcome,
        }
    }

    /// Returns how many events the file should have.
    #[must_use]
    pub fn events(&self) -> u64 {
        match self {
            Self::Report(report) => report.events,
            Self::WithoutReceipt { .. } => 0,
        }
    }

    /// Returns how many faults were found.
    #[must_use]
    pub fn findings(&self) -> u64 {
        match self {
            Self::Report(report) => report.findings.len() as u64 + report.findings_left_out,
            Self::WithoutReceipt { .. } => 1,
        }
    }
}

/// Returns the conclusion about the proof of an event that does not verify, and the first words about it; the error
/// gives the reason. `name` is the file's.
#[must_use]
pub fn not_proven(name: &str, error: &ProofError) -> (Outcome, String) {
    match error {
        ProofError::Wrong(_) => (Outcome::Failed, format!("not proven: {name}")),
        ProofError::Unknown(_) => (
            Outcome::Inconclusive,
            format!("nothing can be concluded about {name}"),
        ),
    }
}

/// Joins a chain of errors into one line, for a message that carries its cause as text.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let text = error.to_string();
    because(text, error.source())
}

/// Appends a chain of causes to a text.
pub(crate) fn because(mut text: String, mut cause: Option<&(dyn Error + 'static)>) -> String {
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text
}
