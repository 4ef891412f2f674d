//! What is asked, and what is answered.

use atrail_evidence::LeafHash;
use atrail_model::{Day, Domain, SegmentId, Target, Timestamp};
use atrail_search::{Order, Query, TimeRange};
use bytes::Bytes;

use super::cursor::{Asked, Cursor};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// Whose events.
    pub target: Target,
    /// Of which times.
    pub range: TimeRange,
    /// Which of them.
    pub query: Query,
}

impl Question {
    /// Returns what a cursor of the answers in this order belongs to.
    pub(super) const fn in_order(&self, order: Order) -> Asked<'_> {
        Asked {
            target: self.target,
            range: self.range,
            query: &self.query,
            order,
        }
    }
}

/// Which of the matching events an answer has.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Their order.
    pub order: Order,
    /// How many at most; fewer when their lines have more bytes than a search may hold in memory.
    pub limit: usize,
    /// Those behind this position.
    pub after: Option<Cursor>,
}

/// A matching event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where it lives.
    pub domain: Domain,
    /// Its `eventTime`.
    pub time: Timestamp,
    /// The UTC day of that.
    pub day: Day,
    /// Its segment and its number in it, from 0; `None` until it is sealed.
    pub place: Option<(SegmentId, u64)>,
    /// Its leaf hash.
    pub leaf: LeafHash,
    /// The stored line, without line feed.
    pub line: Bytes,
}

/// Some matching events, in order.
#[derive(Debug, Clone)]
pub struct Found {
    /// The events.
    pub hits: Vec<Hit>,
    /// The position of the last one, when there are more.
    pub after: Option<Cursor>,
    /// What the answer rests on.
    pub searched: Searched,
}

/// What an answer rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Searched {
    /// Number of events that were looked up in the index, or read.
    pub events: u64,
    /// Bytes of lines that were read because no index decided.
    pub bytes_scanned: u64,
    /// Number of index files that were consulted.
    pub files: u64,
    /// Days of which sealed events have no index, ascending.
    pub unindexed_days: Vec<Day>,
}

impl Searched {
    /// Adds what another part of the same answer rests on.
    pub(super) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.bytes_scanned += other.bytes_scanned;
        self.files += other.files;
        self.unindexed_days.extend(&other.unindexed_days);
        self.unindexed_days.sort_unstable();
        self.unindexed_days.dedup();
    }
}
