//! Records the events that senders sent and the answers they received, and compares the record with the stored events.

use std::collections::HashMap;

use atrail_evidence::leaf_hash;

/// The number in an event's text that identifies it.
pub(crate) type Mark = u64;

/// A moment in the order in which the senders saw it.
pub(crate) type Tick = u64;

/// The domain of an event, and whether a deletion covers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) at_account_level: bool,
    pub(crate) is_doomed: bool,
}

/// A downloaded line, and the kind of its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) at_account_level: bool,
    pub(crate) line: String,
}

#[derive(Debug)]
struct Entry {
    text: String,
    fate: Fate,
    /// The stored line, if known: the event was sent with its id, or acknowledged with one.
    line: Option<String>,
    /// Start of the last acknowledged request.
    sure_since: Option<Tick>,
    /// Time of the last answer.
    answered: Tick,
    /// Unanswered requests, whose outcome is unknown.
    open: u32,
}

/// All requests and answers.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    now: Tick,
    entries: HashMap<Mark, Entry>,
    /// End of the last deletion, with any outcome.
    deletion_over: Tick,
    /// Start of the last answered deletion.
    deletion_begun: Tick,
    /// Events that were stored and deleted, as counted by the answers.
    pub(crate) counted_stored: u64,
    pub(crate) counted_deleted: u64,
    /// Answers that never arrived.
    pub(crate) lost_answers: u64,
}

impl Ledger {
    pub(crate) const fn tick(&mut self) -> Tick {
        self.now += 1;
        self.now
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of acknowledged events.
    pub(crate) fn acked(&self) -> usize {
        let sure = |entry: &&Entry| entry.sure_since.is_some();
        self.entries.values().filter(sure).count()
    }

    /// Returns the number of acknowledged events that no deletion covers.
    pub(crate) fn acked_for_good(&self) -> usize {
        let sure = |entry: &&Entry| entry.sure_since.is_some() && !entry.fate.is_doomed;
        self.entries.values().filter(sure).count()
    }

    /// Records an event before it is sent for the first time, with the next free mark.
    pub(crate) fn fresh(
        &mut self,
        fate: Fate,
        has_id: bool,
        text: impl FnOnce(Mark) -> String,
    ) -> Mark {
        let mark = self.entries.len() as Mark;
        let text = text(mark);
        assert_eq!(mark_of(&text), Some(mark));
        let entry = Entry {
            line: has_id.then(|| text.clone()),
            text,
            fate,
            sure_since: None,
            answered: 0,
            open: 0,
        };
        self.entries.insert(mark, entry);
        mark
    }

    /// Starts a request with these events; returns its body.
    pub(crate) fn begin(&mut self, marks: &[Mark]) -> (Tick, String) {
        let mut body = String::new();
        for mark in marks {
            let entry = self.entries.get_mut(mark).unwrap();
            entry.open += 1;
            body.push_str(&entry.text);
            body.push('\n');
        }
        (self.tick(), body)
    }

    /// Records that all of the request's events are acknowledged, with their ids and leaf hashes where the answer names
    /// them.
    pub(crate) fn acknowledged(
        &mut self,
        begun: Tick,
        marks: &[Mark],
        named: Option<&[(String, String)]>,
    ) {
        let now = self.tick();
        for (at, mark) in marks.iter().enumerate() {
            let entry = self.entries.get_mut(mark).unwrap();
            entry.open -= 1;
            entry.answered = now;
            entry.sure_since = entry.sure_since.max(Some(begun));
            if let Some((id, leaf)) = named.map(|named| &named[at]) {
                let line = entry.line.get_or_insert_with(|| with_id(&entry.text, id));
                assert_eq!(leaf, &leaf_hash(line.as_bytes()).to_string(), "{line}");
            }
        }
    }

    /// Records the answer to a deletion that began then; `None` means that no answer came.
    pub(crate) fn deleted(&mut self, begun: Tick, count: Option<u64>) {
        self.deletion_over = self.tick();
        if let Some(count) = count {
            self.deletion_begun = begun;
            self.counted_deleted += count;
        }
    }

    /// Records that a deletion without an answer may have gone on until now.
    pub(crate) const fn deletions_rest(&mut self) {
        self.deletion_over = self.tick();
    }

    /// Returns the number of events that no deletion covers.
    pub(crate) fn sent_for_good(&self) -> usize {
        let kept = |entry: &&Entry| !entry.fate.is_doomed;
        self.entries.values().filter(kept).count()
    }

    /// Returns the faults of the stored events. No request may be in progress meanwhile.
    pub(crate) fn faults(&self, stored: &[Stored]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut found: HashMap<Mark, u32> = HashMap::new();
        for one in stored {
            match mark_of(&one.line).and_then(|mark| self.entries.get_key_value(&mark)) {
                Some((mark, entry)) => {
                    *found.entry(*mark).or_default() += 1;
                    faults.extend(self.fault_of(entry, one));
                }
                None => faults.push(format!("never sent: {}", one.line)),
            }
        }
        for (mark, entry) in &self.entries {
            match found.get(mark) {
                None if self.must_be_there(entry) => {
                    faults.push(format!("lost: {}", entry.text));
                }
                Some(2..) => faults.push(format!("there twice: {}", entry.text)),
                None | Some(_) => {}
            }
        }
        faults
    }

    fn fault_of(&self, entry: &Entry, stored: &Stored) -> Option<String> {
        let line = &stored.line;
        let is_as_sent = match &entry.line {
            Some(known) => known == line,
            // The server added an id of 36 characters, and the sender does not know which.
            None => {
                let id_at = entry.text.len() - 1 + r#","id":""#.len();
                let id = line.get(id_at..id_at + 36);
                id.is_some_and(|id| *line == with_id(&entry.text, id))
            }
        };
        if !is_as_sent {
            return Some(format!(
                "other bytes: {line} in the place of {}",
                entry.text
            ));
        }
        if stored.at_account_level != entry.fate.at_account_level {
            return Some(format!("in another domain: {line}"));
        }
        let must_be_gone =
            entry.fate.is_doomed && entry.open == 0 && entry.answered < self.deletion_begun;
        must_be_gone.then(|| format!("deleted and there again: {line}"))
    }

    fn must_be_there(&self, entry: &Entry) -> bool {
        let sure = entry.sure_since;
        sure.is_some_and(|since| !entry.fate.is_doomed || since > self.deletion_over)
    }
}

fn mark_of(line: &str) -> Option<Mark> {
    line.strip_prefix("{\"n\":")?
        .split_once(',')?
        .0
        .parse()
        .ok()
}

fn with_id(text: &str, id: &str) -> String {
    let open = text.strip_suffix('}').unwrap();
    format!("{open},\"id\":\"{id}\"}}")
}

/// The controls: the comparison detects each fault that it exists for.
mod controls {
    use super::*;

    const KEPT: Fate = Fate {
        at_account_level: false,
        is_doomed: false,
    };
    const DOOMED: Fate = Fate {
        is_doomed: true,
        ..KEPT
    };

    fn text(mark: Mark) -> String {
        format!("{{\"n\":{mark},\"x\":1}}")
    }

    /// Marks 0 and 1 are acknowledged, 2 is not; 3 was to be deleted and is gone, 4 came after; 5 has an added id.
    fn scene() -> (Ledger, Vec<Stored>) {
        let mut ledger = Ledger::default();
        let ids = [KEPT, KEPT, KEPT, DOOMED, DOOMED].map(|fate| ledger.fresh(fate, true, text));
        let bare = ledger.fresh(KEPT, false, text);
        let ack = |ledger: &mut Ledger, marks: &[Mark]| {
            let (begun, _) = ledger.begin(marks);
            ledger.acknowledged(begun, marks, None);
        };
        ack(&mut ledger, &[ids[0], ids[1], ids[3]]);
        let begun = ledger.tick();
        ledger.deleted(begun, Some(1));
        ack(&mut ledger, &[ids[4], ids[4]]);
        ledger.begin(&[ids[2], bare]);
        let stored = [
            text(0),
            text(1),
            text(4),
            with_id(&text(5), &"i".repeat(36)),
        ];
        let stored = stored.map(|line| Stored {
            at_account_level: false,
            line,
        });
        (ledger, stored.to_vec())
    }

    fn faults(tamper: impl FnOnce(&mut Vec<Stored>)) -> String {
        let (ledger, mut stored) = scene();
        tamper(&mut stored);
        ledger.faults(&stored).join("\n")
    }

    fn doomed() -> Stored {
        Stored {
            at_account_level: false,
            line: text(3),
        }
    }

    #[test]
    fn sound_books_balance() {
        assert_eq!(faults(|_| {}), "");
        // An unacknowledged event may be there or not.
        let unacknowledged = Stored {
            line: text(2),
            ..doomed()
        };
        assert_eq!(faults(|stored| stored.push(unacknowledged)), "");
        assert_eq!(faults(|stored| drop(stored.pop())), "");
    }

    #[test]
    fn each_planted_fault_is_seen() {
        let lost = faults(|stored| drop(stored.remove(1)));
        assert_eq!(lost, format!("lost: {}", text(1)));
        let lost = faults(|stored| drop(stored.remove(2)));
        assert_eq!(lost, format!("lost: {}", text(4)));
        let twice = faults(|stored| stored.push(stored[0].clone()));
        assert_eq!(twice, format!("there twice: {}", text(0)));
        let twice = faults(|stored| stored.push(stored[3].clone()));
        assert_eq!(twice, format!("there twice: {}", text(5)));
        let changed = faults(|stored| stored[0].line = stored[0].line.replace("1}", "2}"));
        assert!(changed.starts_with("other bytes: "), "{changed}");
        let changed = faults(|stored| stored[3].line = stored[3].line.replace("\"id\"", "\"Id\""));
        assert!(changed.starts_with("other bytes: "), "{changed}");
        let invented = faults(|stored| stored[0].line = text(6));
        assert!(invented.contains("never sent: "), "{invented}");
        let elsewhere = faults(|stored| stored[0].at_account_level = true);
        assert!(elsewhere.starts_with("in another domain: "), "{elsewhere}");
        let back = faults(|stored| stored.push(doomed()));
        assert_eq!(back, format!("deleted and there again: {}", text(3)));
    }
}
