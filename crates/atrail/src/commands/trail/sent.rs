//! The outcome of a batch.

use atrail_api::AckOrRefusal;

/// The outcome of a batch.
#[derive(Debug, Default)]
pub(in crate::commands) struct Sent {
    /// One answer for each event.
    pub(in crate::commands) answers: Vec<AckOrRefusal>,
    /// How many of the acknowledged events were stored before.
    pub(in crate::commands) stored_already: u64,
}
