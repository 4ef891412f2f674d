//! The facts known from a receipt once its signatures and logs are checked.

use atrail_model::{Day, DayRange};

use super::log::DomainLog;
use crate::note::VerifierKey;

/// A receipt whose signatures and logs are checked.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) range: DayRange,
    pub(super) signer: Option<VerifierKey>,
    /// Every key that signs or signed one of its logs.
    pub(super) keys: Vec<VerifierKey>,
    /// One for each domain, unless a fault was found or a part is unknown.
    pub(super) logs: Vec<DomainLog>,
}

impl Checked {
    /// Returns the result for a receipt from which nothing is known.
    pub(super) fn nothing() -> Self {
        Self {
            range: DayRange::new(Day::FIRST, Day::FIRST).expect("a day is a range"),
            signer: None,
            keys: Vec::new(),
            logs: Vec::new(),
        }
    }
}
