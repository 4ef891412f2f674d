//! What is known of a receipt once its signatures and logs are checked.

use atrail_model::{Day, DayRange};

use super::log::DomainLog;
use crate::note::VerifierKey;

/// A receipt whose signatures and logs were checked.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) range: DayRange,
    pub(super) signer: Option<VerifierKey>,
    /// Every key that signed one of its logs, now or before.
    pub(super) keys: Vec<VerifierKey>,
    /// One for each domain, unless something was wrong or is not known.
    pub(super) logs: Vec<DomainLog>,
}

impl Checked {
    /// What is known of a receipt of which nothing is.
    pub(super) fn nothing() -> Self {
        Self {
            range: DayRange::new(Day::FIRST, Day::FIRST).expect("a day is a range"),
            signer: None,
            keys: Vec::new(),
            logs: Vec::new(),
        }
    }
}
