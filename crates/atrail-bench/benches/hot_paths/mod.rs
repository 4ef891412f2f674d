//! The code paths of each event and each download, and their inputs. The seed is fixed, so that two runs do the same
//! work.

use std::time::Duration;

use atrail_evidence::{LeafHash, leaf_hash};
use atrail_model::generator::Generator;
use atrail_model::{Timestamp, event};
use atrail_sources::{Framing, SourceKind, split};
use atrail_store::benching::{BlockWriter, DownloadPlan};
use atrail_torture::Numbers;

/// Events in a request.
pub(crate) const EVENTS: u64 = 1_000;
/// Parts in a large download.
pub(crate) const PARTS: usize = 100_000;

const SEED: u64 = 1;
const A_DAY: Duration = Duration::from_secs(86_400);

/// Returns a request's events, as they are stored.
pub(crate) fn events() -> Vec<String> {
    Generator::new(SEED, Timestamp::UNIX_EPOCH, A_DAY, EVENTS).collect()
}

/// Returns the body of a request: the same events as lines.
pub(crate) fn body() -> Vec<u8> {
    events().join("\n").into_bytes()
}

/// Returns a block of lines, as one compression handles it.
pub(crate) fn block() -> Vec<u8> {
    let mut lines = body();
    lines.truncate(BlockWriter::BLOCK_BYTES);
    lines
}

/// Splits a body into its events and checks each, as a request does; returns how many were accepted.
pub(crate) fn check_events(body: &[u8]) -> usize {
    let now = Timestamp::UNIX_EPOCH + A_DAY;
    let candidates = split(body, SourceKind::Auto, Framing::Sniffed);
    let taken = candidates.filter(|candidate| {
        candidate
            .as_ref()
            .is_ok_and(|candidate| event::admit(&candidate.text, now, String::new).is_ok())
    });
    taken.count()
}

/// Hashes each of some events, as a request does; returns the highest hash.
pub(crate) fn hash_leaves(events: &[String]) -> Option<LeafHash> {
    events.iter().map(|event| leaf_hash(event.as_bytes())).max()
}

/// Returns the plan of a large download, whose parts are from one to 200,000 bytes long, and its total length.
pub(crate) fn plan() -> (DownloadPlan, u64) {
    let mut numbers = Numbers::new(SEED);
    let lengths: Vec<u64> = (0..PARTS).map(|_| 1 + numbers.below(200_000)).collect();
    (DownloadPlan::of_lengths(&lengths), lengths.iter().sum())
}
