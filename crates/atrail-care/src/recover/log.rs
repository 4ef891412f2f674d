//! The log of a lost catalog: without its watermarks nobody knows which of its events are sealed, but the archive shows
//! it.

use std::collections::HashMap;
use std::path::Path;

use atrail_disk::Result;
use atrail_evidence::LeafHash;
use atrail_model::{Day, Domain, Hour, Place};
use atrail_wal::{FileWal, Frame, NewLog, Replay};

/// An event by its place and its line.
type Key = (Domain, Day, Hour, LeafHash);

/// The log's events, and how often the archive has each of them.
#[derive(Debug)]
pub struct LostLog {
    replay: Replay,
    /// The highest number of a frame.
    last: u64,
    /// How often an event is in the log, and how often in the archive, counted up to the former.
    events: HashMap<Key, (u32, u32)>,
}

impl LostLog {
    /// Reads the log, and changes nothing.
    ///
    /// # Errors
    /// `Damaged` when a durable frame cannot be read.
    pub(super) fn read(dir: &Path) -> Result<Self> {
        Ok(Self::of(Replay::read(dir)?, &HashMap::new()))
    }

    /// Counts the events of a log, without those that a catalog records as sealed: up to a sequence number for each
    /// domain.
    pub fn of(mut replay: Replay, sealed_to: &HashMap<Domain, u64>) -> Self {
        let last = sealed_to.values().copied();
        let last = last.fold(replay.last_sequence, u64::max);
        let is_sealed = |frame: &Frame| {
            let sealed = sealed_to.get(&frame.domain);
            sealed.is_some_and(|sealed| frame.sequence <= *sealed)
        };
        replay.frames.retain(|frame| !is_sealed(frame));
        let mut events = HashMap::new();
        for frame in &replay.frames {
            for event in &frame.events {
                let key = (frame.domain, event.day, event.hour, event.leaf);
                events.entry(key).or_insert((0, 0)).0 += 1;
            }
        }
        Self {
            replay,
            last,
            events,
        }
    }

    /// Returns the domains whose events are in the log.
    pub fn domains(&self) -> impl Iterator<Item = Domain> {
        self.replay.frames.iter().map(|frame| frame.domain)
    }

    /// Reports whether the log has this event, so that it is worth remembering.
    pub fn has(&self, place: Place, leaf: LeafHash) -> bool {
        self.events.contains_key(&key(place, leaf))
    }

    /// Counts an event of the archive.
    pub fn is_archived(&mut self, place: Place, leaf: LeafHash) {
        if let Some((logged, archived)) = self.events.get_mut(&key(place, leaf)) {
            *archived = (*archived + 1).min(*logged);
        }
    }

    /// Removes the archived events from the log; returns how many events stay, and how many were removed.
    pub fn keep_unsealed(self, dir: &Path) -> Result<(u64, u64)> {
        let Self {
            mut replay,
            last,
            mut events,
        } = self;
        let (mut kept, mut gone) = (0, 0);
        let mut frames = Vec::new();
        for mut frame in std::mem::take(&mut replay.frames) {
            frame.events.retain(|event| {
                let key = (frame.domain, event.day, event.hour, event.leaf);
                match events.get_mut(&key) {
                    Some((_, archived)) if *archived > 0 => {
                        *archived -= 1;
                        gone += 1;
                        false
                    }
                    _ => true,
                }
            });
            kept += frame.events.len() as u64;
            frames.extend((!frame.events.is_empty()).then_some(frame));
        }
        if gone > 0 {
            let frames: Vec<Frame> = (last + 1..)
                .zip(frames)
                .map(|(sequence, frame)| Frame { sequence, ..frame })
                .collect();
            // The next server begins another file; this one needs no spare room.
            let new = NewLog {
                is_cramped: true,
                ..NewLog::of(&frames, last + 1)
            };
            FileWal::restart(dir, &replay, &new)?;
        }
        Ok((kept, gone))
    }
}

fn key(place: Place, leaf: LeafHash) -> Key {
    (place.domain, place.day, place.hour, leaf)
}
