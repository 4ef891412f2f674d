//! One portion of a domain: the events that are sealed together.

use std::collections::{BTreeMap, HashSet};

use atrail_archive::object::{HourLines, Line};
use atrail_evidence::LeafHash;
use atrail_model::{Day, DayRange, Elapsed, Hour, Hours};

use super::load::Load;
use crate::log::{HOURS_MAX, NewEvent};

/// From this many hours on, a domain's events begin a new portion, so that sealing one blocks others only for a moment.
/// A closed portion may have one frame more.
pub const GATHER_HOURS: usize = HOURS_MAX;

/// Unsealed events of one domain that are sealed together. Invariant: they are all of the domain's events in the frames
/// from `first_sequence` to `last_sequence`.
#[derive(Debug, Clone)]
pub struct Pending {
    pub(crate) first_sequence: u64,
    /// The domain's watermark once this is sealed.
    pub last_sequence: u64,
    /// When the first of them arrived.
    pub since: Elapsed,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
    /// The events by hour, in the order of their arrival.
    pub hours: BTreeMap<(Day, Hour), HourLines>,
    /// The leaf hashes of all events.
    leaves: HashSet<LeafHash>,
}

impl Pending {
    /// Returns an empty portion, for frames from this one on.
    pub(super) fn begin(sequence: u64, since: Elapsed) -> Self {
        Self {
            first_sequence: sequence,
            last_sequence: sequence,
            since,
            size_bytes: 0,
            hours: BTreeMap::new(),
            leaves: HashSet::new(),
        }
    }

    /// Reports whether the next frame begins a new portion.
    pub(super) fn is_full(&self) -> bool {
        self.hours.len() >= GATHER_HOURS
    }

    /// Adds the events of the domain's next frame; returns the increase of the load.
    pub(super) fn add(&mut self, sequence: u64, events: Vec<NewEvent>) -> Load {
        self.last_sequence = sequence;
        let before = self.load();
        for event in events {
            let hour = self.hours.entry((event.day, event.hour)).or_default();
            self.leaves.insert(event.leaf);
            let size_bytes = event.line.len() as u64;
            hour.size_bytes += size_bytes;
            self.size_bytes += size_bytes;
            hour.lines.push(Line {
                line: event.line,
                leaf: event.leaf,
            });
        }
        self.load().minus(before)
    }

    /// Returns these events, as of one frame.
    #[must_use]
    pub fn of(events: Vec<NewEvent>, since: Elapsed) -> Self {
        let mut pending = Self::begin(1, since);
        pending.add(1, events);
        pending
    }

    pub(super) fn holds(&self, leaf: &LeafHash) -> bool {
        self.leaves.contains(leaf)
    }

    pub(super) fn events(&self) -> u64 {
        let hours = self.hours.values();
        hours.map(|hour| hour.lines.len() as u64).sum()
    }

    /// Returns the hours within these days and hours of the day.
    pub(super) fn within(
        &self,
        days: DayRange,
        hours: Hours,
    ) -> impl Iterator<Item = (&(Day, Hour), &HourLines)> {
        let within = (days.start(), hours.first())..=(days.end(), hours.last());
        let of_days = self.hours.range(within);
        of_days.filter(move |((_, hour), _)| hours.contains(*hour))
    }

    pub(super) fn load(&self) -> Load {
        Load {
            bytes: self.size_bytes,
            hours: self.hours.len() as u64,
        }
    }
}
