//! Which bytes of one session were handed out to whom, and what of it has to be put on record: a pure state, which writes
//! nothing.
//!
//! A *reading* is what one login is handed at one address. A request begins another when its reader is new, or when it asks
//! for bytes that the reader has: not for those that were on their way when an earlier answer broke off. An *answer* is one
//! request's bytes, and belongs to a reading all the time that it is under way.

use std::net::IpAddr;
use std::ops::Range;

use atrail_model::LoginId;
use atrail_store::{ByteSet, Reading};

/// Readings of one session that are kept apart; beyond it the oldest that nobody is being answered of goes.
const READINGS_MAX: usize = 16;
/// Bytes that may be on their way when an answer breaks off: what the sockets of both ends hold at most, and a proxy.
const ON_THE_WAY_BYTES: u64 = 32 << 20;
/// Who has all but so many bytes of a session has as good as all: the first ten of every gzip file are known.
const SPARE_BYTES: u64 = 64;
/// Bytes of an answer that are kept as handed out at once, before the first of them is.
const AHEAD_BYTES: u64 = 256 << 20;

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reader {
    pub(super) login: LoginId,
    pub(super) address: IpAddr,
}

/// One answer of a session's bytes.
#[derive(Debug)]
pub(super) struct Answer {
    /// The reading that it belongs to.
    reading: u64,
    reader: Reader,
    bytes: Range<u64>,
}

/// What has to be done before bytes are handed out. `E` is an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<E> {
    /// This event, which begins a reading, has to be on record; then [`Ledger::begun`], and the next step.
    Begin(E),
    /// The ledger has to be kept; then the next step.
    Keep,
    /// This event, which ends the reading, has to be on record; then [`Ledger::ended`], and the ledger has to be kept.
    End(E),
    /// Nothing more.
    HandOut,
}

/// The readings of one session.
#[derive(Debug)]
pub(super) struct Ledger<E> {
    total: u64,
    /// In the order in which they began.
    readings: Vec<Entry<E>>,
    next_number: u64,
    /// What an earlier version handed out, which kept no readings.
    inherited: ByteSet,
    is_kept: bool,
}

#[derive(Debug)]
struct Entry<E> {
    number: u64,
    reader: Reader,
    /// The event of its beginning; `None` when an earlier process wrote it.
    start: Option<E>,
    /// The event of its end, from the moment that it is due.
    end: Option<E>,
    has_begun: bool,
    has_ended: bool,
    handed_out: ByteSet,
    /// What the reader has for certain.
    certain: ByteSet,
    /// What answers that are under way may hand out without asking again.
    claimed: ByteSet,
    /// What is kept as handed out.
    kept: ByteSet,
    answers: usize,
}

impl<E: Clone> Ledger<E> {
    /// Of a session of so many bytes. `inherited` is what was handed out of it if no reading was kept.
    pub(super) fn new(total: u64, kept: Vec<Reading>, inherited: ByteSet) -> Self {
        let entries = (0..).zip(kept).map(|(number, reading)| {
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
                answers: 0,
            }
        });
        let readings: Vec<_> = entries.collect();
        Self {
            total,
            next_number: readings.len() as u64,
            inherited,
            readings,
            is_kept: true,
        }
    }

    /// A request of these bytes. The event has to be on record before it is answered, then [`Self::begun`].
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

    /// The event of the answer's beginning is on record.
    pub(super) fn begun(&mut self, answer: &Answer) {
        if let Some(entry) = self.entry(answer.reading) {
            entry.has_begun = true;
        }
    }

    /// Asks for the right to hand out the first bytes of an answer.
    pub(super) fn claim(&mut self, answer: &Answer) {
        let start = answer.bytes.start;
        self.claim_from(answer, start);
    }

    /// What has to be done before these bytes of an answer, which follow those before, are handed out.
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
            // Another answer was quicker: this one is a reading of its own.
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

    /// The event of the reading's end is on record, and these bytes are the next that are handed out.
    pub(super) fn ended(&mut self, answer: &Answer, bytes: &Range<u64>) {
        if let Some(entry) = self.entry(answer.reading) {
            entry.has_ended = true;
            entry.settle(answer, bytes.end);
        }
        self.is_kept = false;
    }

    /// The answer is over, or broke off.
    pub(super) fn leave(&mut self, answer: &Answer) {
        self.is_kept = false;
        self.release(answer.reading);
    }

    /// Whether an answer is under way.
    pub(super) fn is_in_use(&self) -> bool {
        self.readings.iter().any(|entry| entry.answers > 0)
    }

    /// Whether nothing has changed since it was kept.
    pub(super) const fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// What is to be kept, by number: of an answer that is under way, also what it may hand out until the next time.
    pub(super) fn to_keep(&self) -> Vec<(u64, Reading)> {
        let begun = self.readings.iter().filter(|entry| entry.has_begun);
        begun.map(|entry| (entry.number, entry.to_keep())).collect()
    }

    /// This was kept.
    pub(super) fn was_kept(&mut self, kept: Vec<(u64, Reading)>) {
        self.is_kept = self.to_keep() == kept;
        for (number, reading) in kept {
            if let Some(entry) = self.entry(number) {
                entry.kept = reading.handed_out;
            }
        }
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry<E>> {
        self.readings
            .iter_mut()
            .find(|entry| entry.number == number)
    }

    /// Begins a reading, with one answer.
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
            answers: 1,
        });
        self.forget_oldest();
        number
    }

    /// Bounds the readings. What was handed out in one that goes, and did not end, counts for the oldest of the others.
    fn forget_oldest(&mut self) {
        while self.readings.len() > READINGS_MAX {
            let idle = self.readings.iter().position(|entry| entry.answers == 0);
            let Some(idle) = idle else { return };
            let gone = self.readings.remove(idle);
            let heir = self.readings.iter_mut().find(|entry| !entry.has_ended);
            if let Some(heir) = heir
                && !gone.has_ended
            {
                heir.handed_out.add_all(&gone.handed_out);
            }
        }
    }

    fn claim_from(&mut self, answer: &Answer, start: u64) {
        let end = answer.bytes.end.min(start.saturating_add(AHEAD_BYTES));
        if let Some(entry) = self.entry(answer.reading) {
            entry.claimed.add(start..end);
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

    /// Whether the end of a reading has to be on record before more is handed out: its reader has as good as all with what
    /// was handed out in it, and in the readings that did not end: it may be the one who goes on with them.
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

    /// Whether the event of its end is being written.
    const fn is_ending(&self) -> bool {
        self.end.is_some() && self.answers > 0
    }

    /// Whether these bytes are none that the reader has. Nobody goes on from the first byte of a session.
    fn may_go_on_with(&self, bytes: &Range<u64>) -> bool {
        let is_from_the_start = bytes.start == 0 && self.handed_out.contains(&(0..1));
        !is_from_the_start && !self.certain.overlaps(bytes)
    }

    /// What the reader has for certain once the answer got to this place: all when it is whole; else what cannot be on its
    /// way any more.
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

/// A part of a reading that is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Its beginning, with the first byte that was asked for.
    Start {
        /// The place of that byte.
        from: u64,
    },
    /// Its end, with how many bytes were handed out in it.
    End {
        /// Each byte counts once.
        handed_out: u64,
    },
}

#[cfg(test)]
mod tests;
