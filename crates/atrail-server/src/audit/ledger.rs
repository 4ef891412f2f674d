//! A pure state that writes nothing: the bytes of one session that the server handed out to each reader, and the events
//! that it has to record about them.
//!
//! A *reading* is the bytes that the server hands out to one login at one address. A request begins another reading
//! when its reader is new, or when it asks for bytes that the reader certainly has. It resumes the reader's last
//! reading when it asks for bytes that were in transit when an earlier answer broke off. An *answer* is the bytes of
//! one request, and belongs to a reading for as long as it is in progress.

use std::net::IpAddr;
use std::ops::Range;

use atrail_model::{ByteSet, LoginId};
use atrail_store::{Numbered, Reading};

/// Number of readings at most that a session keeps apart; beyond it, the oldest without an answer in progress goes.
const READINGS_MAX: usize = 16;
/// Bytes at most that are in transit when an answer breaks off: those in the sockets of both ends and in a proxy.
const ON_THE_WAY_BYTES: u64 = 32 << 20;
/// A reader who lacks only this many bytes of a session has all of it in effect: the first ten bytes of every gzip file
/// are known.
const SPARE_BYTES: u64 = 64;
/// Bytes of an answer that the ledger stores as handed out in one step, before the server hands out the first of them.
const AHEAD_BYTES: u64 = 256 << 20;
/// Bytes behind an answer that the ledger stores with it at most: the reader of a range asks for the next one.
const RANGES_AHEAD_BYTES: u64 = 64 << 20;

/// The reader of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reader {
    pub(super) login: LoginId,
    pub(super) address: IpAddr,
}

/// One answer with bytes of a session.
#[derive(Debug)]
pub(super) struct Answer {
    /// The reading of the answer.
    reading: u64,
    reader: Reader,
    bytes: Range<u64>,
}

/// What the server has to do before it hands out bytes. `E` is an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<E> {
    /// Record this event, which begins a reading; then call [`Ledger::begun`], and ask for the next step.
    Begin(E),
    /// Store the ledger; then ask for the next step.
    Keep,
    /// Record this event, which ends the reading; then call [`Ledger::ended`], and store the ledger.
    End(E),
    /// Hand the bytes out.
    HandOut,
}

/// The readings of one session.
#[derive(Debug)]
pub(super) struct Ledger<E> {
    total: u64,
    /// In the order in which they began.
    readings: Vec<Entry<E>>,
    next_number: u64,
    /// Stored readings that are kept no longer.
    gone: Vec<u64>,
    /// Bytes that an earlier version, which stored no readings, handed out.
    inherited: ByteSet,
    is_kept: bool,
}

/// What is stored of a ledger: what differs from what is stored already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) changed: Vec<Numbered>,
    pub(super) gone: Vec<u64>,
}

#[derive(Debug)]
struct Entry<E> {
    number: u64,
    reader: Reader,
    /// The event of its start; `None` when an earlier process recorded it.
    start: Option<E>,
    /// The event of its end, once it is due.
    end: Option<E>,
    has_begun: bool,
    has_ended: bool,
    handed_out: ByteSet,
    /// Bytes that the reader certainly has.
    certain: ByteSet,
    /// Bytes that answers in progress may hand out without claiming again.
    claimed: ByteSet,
    /// Bytes that are stored as handed out, whatever is being stored now.
    kept: ByteSet,
    /// What is stored.
    stored: Option<Reading>,
    answers: usize,
}

impl<E: Clone> Ledger<E> {
    /// Creates the ledger of a session of `total` bytes. `inherited` holds the bytes handed out before readings were
    /// stored.
    pub(super) fn new(total: u64, kept: Vec<Numbered>, inherited: ByteSet) -> Self {
        let next_number = kept.last().map_or(0, |(number, _)| number + 1);
        let entries = kept.into_iter().map(|(number, reading)| {
            let stored = Some(reading.clone());
            let Reading {
                login,
                address,
                handed_out,
                certain,
                ended,
            } = reading;
            Entry {
                number,
                reader: Reader { login, address },
                start: None,
                end: None,
                has_begun: true,
                has_ended: ended,
                kept: handed_out.clone(),
                handed_out,
                certain,
                claimed: ByteSet::default(),
                stored,
                answers: 0,
            }
        });
        Self {
            total,
            next_number,
            gone: Vec::new(),
            inherited,
            readings: entries.collect(),
            is_kept: true,
        }
    }

    /// Begins an answer with these bytes. When an event is returned, record it before the answer, then call
    /// [`Self::begun`].
    pub(super) fn ask(
        &mut self,
        reader: Reader,
        bytes: Range<u64>,
        start: impl FnOnce() -> E,
    ) -> (Answer, Option<E>) {
        let last = self
            .readings
            .iter_mut()
            .rev()
            .find(|one| one.reader == reader);
        let resumed = last.filter(|last| last.may_go_on_with(&bytes));
        let number = match resumed {
            Some(entry) => {
                entry.answers += 1;
                entry.number
            }
            None => self.begin(reader, start()),
        };
        let start = self.entry(number).and_then(|entry| entry.start.clone());
        let answer = Answer {
            reading: number,
            reader,
            bytes,
        };
        (answer, start)
    }

    /// Notes that the event of the reading's start is recorded.
    pub(super) fn begun(&mut self, answer: &Answer) {
        if let Some(entry) = self.entry(answer.reading) {
            entry.has_begun = true;
        }
    }

    /// Claims the first bytes of an answer. Returns whether the ledger must be stored before they are handed out.
    pub(super) fn claim(&mut self, answer: &Answer) -> bool {
        let start = answer.bytes.start;
        let first = start..self.ahead_of(answer, start);
        let is_kept = (self.entry(answer.reading)).is_some_and(|entry| entry.kept.contains(&first));
        if is_kept {
            // Until the answer is over, the bytes stay stored.
            if let Some(entry) = self.entry(answer.reading) {
                entry.claimed.add(first);
            }
        } else {
            self.claim_from(answer, start);
        }
        !is_kept
    }

    /// Returns what to do before handing out these bytes of an answer, which follow its earlier bytes.
    pub(super) fn hand_out(
        &mut self,
        answer: &mut Answer,
        bytes: &Range<u64>,
        event: impl FnOnce(Part) -> E,
    ) -> Step<E> {
        let Some(entry) = self.entry(answer.reading) else {
            return Step::HandOut;
        };
        if !entry.has_begun
            && let Some(start) = &entry.start
        {
            return Step::Begin(start.clone());
        }
        if entry.certain.overlaps(bytes) {
            // Another answer of the reading was faster: this one becomes a reading of its own.
            let before = answer.bytes.start..bytes.start;
            self.release(answer.reading);
            let start = event(Part::Start {
                from: answer.bytes.start,
            });
            answer.reading = self.begin(answer.reader, start.clone());
            if let Some(entry) = self.entry(answer.reading) {
                entry.claimed.add(before.clone());
                entry.handed_out.add(before);
            }
            return Step::Begin(start);
        }
        if !entry.kept.contains(bytes) {
            self.claim_from(answer, bytes.start);
            return Step::Keep;
        }
        entry.handed_out.add(bytes.clone());
        self.is_kept = false;
        let due = self.is_due(answer.reading);
        let Some(entry) = self.entry(answer.reading) else {
            return Step::HandOut;
        };
        if due {
            let handed_out = entry.handed_out.count();
            let end = entry
                .end
                .get_or_insert_with(|| event(Part::End { handed_out }));
            return Step::End(end.clone());
        }
        entry.settle(answer, bytes.end);
        Step::HandOut
    }

    /// Notes that the event of the reading's end is recorded. The server hands out these bytes next.
    pub(super) fn ended(&mut self, answer: &Answer, bytes: &Range<u64>) {
        if let Some(entry) = self.entry(answer.reading) {
            entry.has_ended = true;
            entry.settle(answer, bytes.end);
        }
        self.is_kept = false;
    }

    /// Notes that the answer is complete, or broke off.
    pub(super) fn leave(&mut self, answer: &Answer) {
        self.is_kept = false;
        self.release(answer.reading);
    }

    /// Returns whether an answer is in progress.
    pub(super) fn is_in_use(&self) -> bool {
        self.readings.iter().any(|entry| entry.answers > 0)
    }

    /// Returns whether nothing has changed since the ledger was stored.
    pub(super) const fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Returns what to store now. A reading with an answer in progress includes the bytes that the answer has claimed.
    /// Until [`Self::was_kept`], only the bytes that were handed out already count as stored: others may be given back.
    pub(super) fn begin_keeping(&mut self) -> Changes {
        let mut changed = Vec::new();
        for entry in self.readings.iter_mut().filter(|entry| entry.has_begun) {
            let reading = entry.to_keep();
            if entry.stored.as_ref() != Some(&reading) {
                if !reading.handed_out.contains_all(&entry.kept) {
                    entry.kept = entry.handed_out.clone();
                }
                changed.push((entry.number, reading));
            }
        }
        Changes {
            changed,
            gone: self.gone.clone(),
        }
    }

    /// Notes that these changes were stored.
    pub(super) fn was_kept(&mut self, changes: Changes) {
        let Changes { changed, gone } = changes;
        for (number, reading) in changed {
            if let Some(entry) = self.entry(number) {
                entry.kept = reading.handed_out.clone();
                entry.stored = Some(reading);
            } else if !self.gone.contains(&number) {
                // It went while it was being stored.
                self.gone.push(number);
            }
        }
        self.gone.retain(|number| !gone.contains(number));
        let is_stored =
            |entry: &Entry<E>| !entry.has_begun || entry.stored.as_ref() == Some(&entry.to_keep());
        self.is_kept = self.gone.is_empty() && self.readings.iter().all(is_stored);
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry<E>> {
        self.readings
            .iter_mut()
            .find(|entry| entry.number == number)
    }

    /// Begins a reading with one answer, and returns its number.
    fn begin(&mut self, reader: Reader, start: E) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.readings.push(Entry {
            number,
            reader,
            start: Some(start),
            end: None,
            has_begun: false,
            has_ended: false,
            handed_out: std::mem::take(&mut self.inherited),
            certain: ByteSet::default(),
            claimed: ByteSet::default(),
            kept: ByteSet::default(),
            stored: None,
            answers: 1,
        });
        self.forget_oldest();
        number
    }

    /// Drops the oldest idle readings beyond [`READINGS_MAX`]. The bytes of a dropped reading that did not end count
    /// for the oldest of the others.
    fn forget_oldest(&mut self) {
        while self.readings.len() > READINGS_MAX {
            let idle = self.readings.iter().position(|entry| entry.answers == 0);
            let Some(idle) = idle else { return };
            let gone = self.readings.remove(idle);
            if gone.stored.is_some() {
                self.gone.push(gone.number);
                self.is_kept = false;
            }
            let heir = self.readings.iter_mut().find(|entry| !entry.has_ended);
            if let Some(heir) = heir
                && !gone.has_ended
            {
                heir.handed_out.add_all(&gone.handed_out);
            }
        }
    }

    /// Returns up to where an answer claims bytes at once, from here on.
    fn ahead_of(&self, answer: &Answer, start: u64) -> u64 {
        answer.bytes.end.min(start.saturating_add(AHEAD_BYTES))
    }

    /// Claims the next bytes of an answer, and behind a range as many more as the reader already has: whoever reads range
    /// by range claims seldom, and after a crash the reading appears at most twice as large as it was.
    fn claim_from(&mut self, answer: &Answer, start: u64) {
        let (end, total) = (self.ahead_of(answer, start), self.total);
        if let Some(entry) = self.entry(answer.reading) {
            let more = entry.handed_out.count().min(RANGES_AHEAD_BYTES);
            let ends = match end == answer.bytes.end {
                true => end.saturating_add(more).min(total.max(end)),
                false => end,
            };
            entry.claimed.add(start..ends);
        }
        self.is_kept = false;
    }

    fn release(&mut self, number: u64) {
        if let Some(entry) = self.entry(number) {
            entry.answers -= 1;
            if entry.answers == 0 {
                entry.claimed = ByteSet::default();
            }
        }
    }

    /// Returns whether the event of a reading's end must be recorded before the server hands out more. It must once the
    /// bytes of this reading, together with those of the readings that have not ended, are in effect the whole session:
    /// one reader may be behind all of them.
    fn is_due(&self, number: u64) -> bool {
        let Some(entry) = self.readings.iter().find(|entry| entry.number == number) else {
            return false;
        };
        if entry.has_ended {
            return false;
        }
        let spare = SPARE_BYTES.min(self.total / 2);
        let mut together = entry.handed_out.clone();
        let others = self.readings.iter().filter(|one| one.number != number);
        for other in others.filter(|one| !one.has_ended && !one.is_ending()) {
            together.add_all(&other.handed_out);
        }
        entry.end.is_some() || together.missing_of(self.total) <= spare
    }
}

impl<E> Entry<E> {
    fn to_keep(&self) -> Reading {
        let mut handed_out = self.handed_out.clone();
        handed_out.add_all(&self.claimed);
        Reading {
            login: self.reader.login,
            address: self.reader.address,
            handed_out,
            certain: self.certain.clone(),
            ended: self.has_ended,
        }
    }

    /// Returns whether the event of its end is being recorded.
    const fn is_ending(&self) -> bool {
        self.end.is_some() && self.answers > 0
    }

    /// Returns whether a request of these bytes resumes the reading: the reader has none of them for certain. A request
    /// that starts again at the first byte of a session never resumes.
    fn may_go_on_with(&self, bytes: &Range<u64>) -> bool {
        let is_from_the_start = bytes.start == 0 && self.handed_out.contains(&(0..1));
        !is_from_the_start && !self.certain.overlaps(bytes)
    }

    /// Notes the bytes that the reader certainly has once the answer has reached this position: all of a complete
    /// answer, otherwise those that can no longer be in transit.
    fn settle(&mut self, answer: &Answer, position: u64) {
        let start = answer.bytes.start;
        let arrived = if position == answer.bytes.end {
            position
        } else {
            position.saturating_sub(ON_THE_WAY_BYTES).max(start)
        };
        self.certain.add(start..arrived);
    }
}

/// A part of a reading that the server records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Its start, with the first byte of the request.
    Start {
        /// The position of that byte.
        from: u64,
    },
    /// Its end, with the number of bytes handed out.
    End {
        /// Counts each byte once.
        handed_out: u64,
    },
}

#[cfg(test)]
mod tests;
