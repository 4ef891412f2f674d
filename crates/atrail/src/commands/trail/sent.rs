//! The outcome of a batch.

use atrail_api::AckOrRefusal;

/// The outcome of a batch.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// One answer for each event.
    pub(super) answers: Vec<AckOrRefusal>,
    /// How many of the acknowledged events were stored before.
    pub(super) stored_already: u64,
}
