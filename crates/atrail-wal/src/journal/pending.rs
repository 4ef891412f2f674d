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
    /// The domain's watermark before this is sealed, as the journal knows it.
    pub after: u64,
    /// The domain's watermark once this is sealed.
    pub last_sequence: u64,
    /// When the first of them arrived.
    pub since: Elapsed,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
    /// The events by hour, in the order of their arrival.
    pub hours: BTreeMap<(Day, Hour), HourLines>,
    /// Of each hour the end of each frame that has events of it, in their order.
    ends: BTreeMap<(Day, Hour), Vec<End>>,
    /// The leaf hashes of all events.
    leaves: HashSet<LeafHash>,
}

/// The end of a frame's events among those of an hour.
#[derive(Debug, Clone, Copy)]
struct End {
    sequence: u64,
    /// The number of events of the hour up to this frame.
    lines: u32,
}

/// Events of an hour, above a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeldHour<'a> {
    pub(super) day: Day,
    pub(super) hour: Hour,
    pub(super) lines: &'a [Line],
    /// Bytes of their lines, line feeds not counted.
    pub(super) size_bytes: u64,
}

impl Pending {
    /// Returns an empty portion, for frames from this one on.
    pub(super) fn begin(sequence: u64, since: Elapsed) -> Self {
        Self {
            first_sequence: sequence,
            after: 0,
            last_sequence: sequence,
            since,
            size_bytes: 0,
            hours: BTreeMap::new(),
            ends: BTreeMap::new(),
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
            let end = End {
                sequence,
                lines: u32::try_from(hour.lines.len()).unwrap_or(u32::MAX),
            };
            let ends = self.ends.entry((event.day, event.hour)).or_default();
            match ends.last_mut() {
                Some(last) if last.sequence == sequence => *last = end,
                _ => ends.push(end),
            }
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

    /// Returns the events above a number, by hour, of these days and hours of the day.
    pub(super) fn within(
        &self,
        days: DayRange,
        hours: Hours,
        above: u64,
    ) -> impl Iterator<Item = HeldHour<'_>> {
        let within = (days.start(), hours.first())..=(days.end(), hours.last());
        // Nearly always all or none of a portion is above.
        let some = (self.last_sequence > above).then(|| self.hours.range(within));
        let of_days = some.into_iter().flatten();
        let wanted = of_days.filter(move |((_, hour), _)| hours.contains(*hour));
        wanted.filter_map(move |((day, hour), held)| {
            let (below, lines) = held.lines.split_at(self.upto((*day, *hour), above));
            let below = below.iter().map(|line| line.line.len() as u64);
            (!lines.is_empty()).then(|| HeldHour {
                day: *day,
                hour: *hour,
                lines,
                size_bytes: held.size_bytes - below.sum::<u64>(),
            })
        })
    }

    /// Returns the events of an hour above a number.
    pub(super) fn lines_above(&self, day: Day, hour: Hour, above: u64) -> &[Line] {
        let held = self.hours.get(&(day, hour));
        held.map_or(&[], |held| &held.lines[self.upto((day, hour), above)..])
    }

    /// Forgets the events of frames up to a number, and returns by how much that lessens the load.
    pub(super) fn forget_to(&mut self, sequence: u64) -> Load {
        if sequence < self.first_sequence {
            return Load::default();
        }
        let before = self.load();
        let hours: Vec<_> = self.hours.keys().copied().collect();
        for hour in hours {
            let gone = self.upto(hour, sequence);
            if gone == 0 {
                continue;
            }
            let Some(held) = self.hours.get_mut(&hour) else {
                continue;
            };
            for line in held.lines.drain(..gone) {
                self.leaves.remove(&line.leaf);
                held.size_bytes -= line.line.len() as u64;
                self.size_bytes -= line.line.len() as u64;
            }
            if held.lines.is_empty() {
                self.hours.remove(&hour);
                self.ends.remove(&hour);
            } else if let Some(ends) = self.ends.get_mut(&hour) {
                ends.retain(|end| end.sequence > sequence);
                for end in ends {
                    end.lines -= u32::try_from(gone).unwrap_or(u32::MAX);
                }
            }
        }
        self.first_sequence = sequence + 1;
        before.minus(self.load())
    }

    /// Returns how many events of an hour are of frames up to a number.
    fn upto(&self, hour: (Day, Hour), sequence: u64) -> usize {
        if sequence < self.first_sequence {
            return 0;
        }
        let ends = self.ends.get(&hour).map_or(&[][..], Vec::as_slice);
        let upto = ends.partition_point(|end| end.sequence <= sequence);
        let last = upto.checked_sub(1).and_then(|last| ends.get(last));
        last.map_or(0, |end| end.lines as usize)
    }

    pub(super) fn load(&self) -> Load {
        Load {
            bytes: self.size_bytes,
            hours: self.hours.len() as u64,
        }
    }
}
