//! The portions that are being sealed.

use std::collections::HashSet;
use std::sync::Arc;

use atrail_model::Domain;
use atrail_wal::{Journal, Taken};

/// The portions taken for sealing. Unless they are sealed, they are put back, however the seal ends.
pub(super) struct Held<'a> {
    journal: &'a Arc<dyn Journal>,
    pub(super) taken: Taken,
    pub(super) is_sealed: bool,
}

impl<'a> Held<'a> {
    pub(super) fn take(journal: &'a Arc<dyn Journal>, domains: &HashSet<Domain>) -> Self {
        Self {
            journal,
            taken: journal.take(domains),
            is_sealed: false,
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if !self.is_sealed {
            self.journal.put_back(&self.taken);
        }
    }
}
