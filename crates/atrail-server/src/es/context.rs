//! What the reading of requests needs to know of its surroundings.

use atrail_model::Timestamp;

/// The surroundings of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    /// The current time, which date math begins with.
    pub(crate) now: Timestamp,
}
