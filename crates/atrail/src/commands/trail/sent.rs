//! What came of a batch.

use atrail_api::AckOrRefusal;

/// What came of a batch.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// One for each event.
    pub(super) answers: Vec<AckOrRefusal>,
    /// How many of those kept were stored before.
    pub(super) stored_already: u64,
}
