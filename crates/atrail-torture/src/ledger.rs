//! The events that senders sent, and the promises that they received.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use rustix::time::{ClockId, clock_gettime};

use crate::client::Client;

/// Returns the current time on the clock of the trace.
#[must_use]
pub fn nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// One event, or several that were sent together: every statement about the batch holds for each of them.
#[derive(Debug, Clone)]
struct Batch {
    account: bool,
    day: String,
    lines: Vec<String>,
    sent: u64,
    acknowledged: Option<u64>,
}

#[derive(Debug, Clone)]
struct Deletion {
    day: String,
    asked: u64,
    answered: Option<u64>,
}

/// The ledger of all senders.
#[derive(Debug, Default)]
pub struct Ledger {
    batches: Mutex<Vec<Batch>>,
    deletions: Mutex<Vec<Deletion>>,
}

impl Ledger {
    /// Returns an independent ledger that continues from here.
    ///
    /// # Panics
    /// Never, except for a poisoned lock.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            batches: Mutex::new(self.batches.lock().unwrap().clone()),
            deletions: Mutex::new(self.deletions.lock().unwrap().clone()),
        }
    }

    /// Sends new events of one day and records the outcome. Returns the status.
    ///
    /// # Panics
    /// Never, except for a poisoned lock.
    pub fn send(&self, client: &Client, account: bool, day: &str, lines: Vec<String>) -> u16 {
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        let number = {
            let mut batches = self.batches.lock().unwrap();
            batches.push(Batch {
                account,
                day: day.to_owned(),
                lines,
                sent: nanos(),
                acknowledged: None,
            });
            batches.len() - 1
        };
        let status = client.send(account, &text).status;
        let acknowledged = (status == 200).then(nanos);
        self.batches.lock().unwrap()[number].acknowledged = acknowledged;
        status
    }

    /// Sends acknowledged events again, as a sender does that lost the answer. Sends only events of July: the server
    /// would rightly store deleted ones again.
    ///
    /// # Panics
    /// Never, except for a poisoned lock.
    pub fn send_again(&self, client: &Client, choice: u64) -> Option<u16> {
        let batch = {
            let batches = self.batches.lock().unwrap();
            let known: Vec<_> = batches
                .iter()
                .filter(|batch| batch.acknowledged.is_some() && batch.day.starts_with("2017-07"))
                .collect();
            let at = usize::try_from(choice).ok()? % known.len().max(1);
            (*known.get(at)?).clone()
        };
        let text: String = batch.lines.iter().flat_map(|line| [line, "\n"]).collect();
        Some(client.send(batch.account, &text).status)
    }

    /// Sends all events of July from before a moment again, acknowledged or not. Returns the first status other than
    /// 200, or else 200.
    ///
    /// # Panics
    /// Never, except for a poisoned lock.
    pub fn send_all_again(&self, client: &Client, before: u64) -> u16 {
        let batches = self.batches.lock().unwrap().clone();
        let sent = |batch: &&Batch| batch.sent < before && batch.day.starts_with("2017-07");
        for batch in batches.iter().filter(sent) {
            let text: String = batch.lines.iter().flat_map(|line| [line, "\n"]).collect();
            let status = client.send(batch.account, &text).status;
            if status != 200 {
                return status;
            }
        }
        200
    }

    /// Deletes a day of the space. Returns the status.
    ///
    /// # Panics
    /// Never, except for a poisoned lock.
    pub fn delete(&self, client: &Client, day: &str) -> u16 {
        let number = {
            let mut deletions = self.deletions.lock().unwrap();
            deletions.push(Deletion {
                day: day.to_owned(),
                asked: nanos(),
                answered: None,
            });
            deletions.len() - 1
        };
        let status = client.delete_day(day).status;
        self.deletions.lock().unwrap()[number].answered = (status == 200).then(nanos);
        status
    }

    /// Returns how many batches were acknowledged before a moment.
    ///
    /// # Panics
    /// Never, except for a poisoned lock.
    pub fn acknowledged(&self, before: u64) -> usize {
        let batches = self.batches.lock().unwrap();
        batches
            .iter()
            .filter(|batch| batch.acknowledged.is_some_and(|at| at < before))
            .count()
    }

    /// Compares the events that a server serves with the promises from before a moment; returns the faults.
    ///
    /// # Panics
    /// Never, except for a poisoned lock.
    pub fn check(&self, found: &[String], before: u64) -> Vec<String> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for line in found {
            *counts.entry(line).or_default() += 1;
        }
        let mut wrong = Vec::new();
        let mut known = HashSet::new();
        let deletions = self.deletions.lock().unwrap();
        for batch in &*self.batches.lock().unwrap() {
            let must = batch.must(&deletions, before);
            for line in &batch.lines {
                let count = counts.get(line.as_str()).copied().unwrap_or(0);
                known.insert(line.clone());
                let problem = match (must, count) {
                    (_, 2..) => format!("{count} times there"),
                    (Must::Be, 0) => "acknowledged and lost".to_owned(),
                    (Must::NotBe(why), 1) => why.to_owned(),
                    _ => continue,
                };
                let name = line.get(..28).unwrap_or(line);
                wrong.push(format!(
                    "{problem}: {name} of {}, sent {}, acknowledged {:?}, looked at {before}",
                    batch.day, batch.sent, batch.acknowledged
                ));
            }
        }
        let unknown = counts.keys().filter(|line| !known.contains(**line));
        wrong.extend(unknown.map(|line| format!("never sent: {line}")));
        wrong.iter_mut().for_each(|text| text.truncate(400));
        wrong
    }
}

#[derive(Debug, Clone, Copy)]
enum Must {
    Be,
    MayBe,
    NotBe(&'static str),
}

impl Batch {
    fn must(&self, deletions: &[Deletion], before: u64) -> Must {
        if self.sent >= before {
            return Must::NotBe("there before it was sent");
        }
        let was_acknowledged = |by: u64| self.acknowledged.is_some_and(|at| at < by);
        // A day may be filled and deleted more than once: only a deletion after the acknowledgement counts.
        let counting = deletions.iter().filter(|deletion| {
            !self.account
                && deletion.day == self.day
                && deletion.asked < before
                && was_acknowledged(deletion.asked)
        });
        let answers: Vec<_> = counting.map(|deletion| deletion.answered).collect();
        if answers.iter().flatten().any(|answered| *answered < before) {
            return Must::NotBe("back after its deletion");
        }
        match was_acknowledged(before) && answers.is_empty() {
            true => Must::Be,
            false => Must::MayBe,
        }
    }
}
