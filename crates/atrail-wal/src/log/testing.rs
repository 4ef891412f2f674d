//! Events for tests.

use atrail_evidence::leaf_hash;
use atrail_model::Hour;
use bytes::Bytes;

use super::NewEvent;

/// Returns this many different events of one hour.
#[allow(clippy::unwrap_used, reason = "the texts are constants")]
pub(crate) fn events(count: usize) -> Vec<NewEvent> {
    (0..count)
        .map(|n| {
            let line = Bytes::from(format!("{{\"n\":{n}}}"));
            NewEvent {
                day: "2017-07-24".parse().unwrap(),
                hour: Hour::new(7).unwrap(),
                leaf: leaf_hash(&line),
                line,
            }
        })
        .collect()
}
