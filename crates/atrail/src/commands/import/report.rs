//! Counts what became of each file, records it, and prints the sum.

use std::sync::{Arc, Mutex, PoisonError};

use atrail_api::AckOrRefusal;
use atrail_sources::Tally;
use serde::Serialize;

use super::incoming::Origin;
use super::ledger::{Counts, Ledger};
use super::problems::Problems;
use super::reader::{End, Load, Part};
use crate::cloudtrail::chain::Proofs;
use crate::commands::trail::sent::Sent;
use crate::error::{CliError, Exit, Result};
use crate::printer::{counted, grouped};
use crate::settings::Settings;

/// The sum, as programs read it.
#[derive(Debug, Default, Serialize)]
struct Sum {
    /// Files that were read to their end, now or in an earlier import.
    files: u64,
    /// Those of them that an earlier import read.
    files_known: u64,
    /// Files that were not imported, or not completely.
    files_failed: u64,
    /// Files that no digest proves yet.
    files_left: u64,
    /// Events that the server acknowledged: now, or in an earlier import.
    events: u64,
    /// Events that the server stored now.
    stored: u64,
    /// Events that were stored before.
    stored_already: u64,
    /// Items that the client or the server refused.
    refused: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    digests: Option<Digests>,
}

#[derive(Debug, Serialize)]
struct Digests {
    signed: u64,
    unsigned: u64,
    unsound: u64,
    problems: u64,
}

/// Counts and prints.
pub(super) struct Report<'a> {
    settings: &'a Settings,
    /// Where the events go; `None` for a dry run.
    target: Option<String>,
    ledger: Option<Arc<Mutex<Ledger>>>,
    problems: &'a Problems<'a>,
    sum: Sum,
    /// What was answered so far to the file that has not ended.
    open: Counts,
    /// What was answered to its beginning in an earlier import.
    before: Counts,
    origins: Tally,
}

impl<'a> Report<'a> {
    pub(super) fn start(
        settings: &'a Settings,
        target: Option<String>,
        ledger: Option<Arc<Mutex<Ledger>>>,
        problems: &'a Problems<'a>,
    ) -> Self {
        Self {
            settings,
            target,
            ledger,
            problems,
            sum: Sum::default(),
            open: Counts::default(),
            before: Counts::default(),
            origins: Tally::default(),
        }
    }

    /// Adds the answers to a request. Returns the handles of the messages that may be deleted.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub(super) fn load(&mut self, load: &Load, sent: &Sent) -> Result<Vec<String>> {
        let mut answers = (sent.answers.iter().zip(&load.batch.lines)).zip(&load.batch.origins);
        let mut refusals = load.batch.refusals.iter();
        let mut ended = Vec::new();
        for part in &load.parts {
            for refusal in refusals.by_ref().take(part.refusals) {
                self.refuse(&part.origin, refusal.line, &refusal.reason);
            }
            for ((answer, line), origin) in answers.by_ref().take(part.events) {
                match answer {
                    AckOrRefusal::Ack { .. } => {
                        self.open.events += 1;
                        self.origins.add(*origin);
                    }
                    AckOrRefusal::Refusal { error, .. } => {
                        self.refuse(&part.origin, *line, error);
                    }
                }
            }
            if let Some(counts) = part.before {
                self.before = counts;
                self.known(&part.origin, counts);
            }
            if part.mark.is_some() {
                self.remember([part.mark, None], self.before + self.open)?;
            }
            ended.extend(self.end(part)?);
        }
        self.sum.stored_already += sent.stored_already;
        if let Some(progress) = self.problems.progress() {
            progress.set(load.batch.end);
        }
        Ok(ended)
    }

    /// Counts the events of a request as they would be sent.
    pub(super) fn would_send(&mut self, load: &Load) -> Result<()> {
        let sent = Sent {
            answers: (load.batch.lines.iter())
                .map(|_| AckOrRefusal::Ack {
                    id: String::new(),
                    value: String::new(),
                    kind: None,
                })
                .collect(),
            stored_already: 0,
        };
        self.load(load, &sent).map(|_| ())
    }

    /// Ends a file, if it ends with this part.
    fn end(&mut self, part: &Part) -> Result<Option<String>> {
        if let Some(problem) = &part.problem {
            self.problems
                .add(&format!("{}: {problem}", part.origin.name));
        }
        let Some(end) = &part.end else {
            return Ok(None);
        };
        let counts = std::mem::take(&mut self.open);
        let all = counts + std::mem::take(&mut self.before);
        self.sum.events += counts.events;
        self.sum.stored += counts.events;
        let (name, place) = (&part.origin.name, part.origin.place);
        let is_done = match end {
            End::Sent(key) => {
                self.sum.files += 1;
                self.remember([place, *key], all)?;
                true
            }
            End::Growing(key) => {
                self.sum.files += 1;
                self.remember([None, Some(*key)], all)?;
                self.problems.note(&format!(
                    "{name}: its last line is being written; the next import sends it"
                ));
                true
            }
            End::Known(counts, key) => {
                self.sum.files += 1;
                self.sum.files_known += 1;
                self.known(&part.origin, *counts);
                // Of another place, so that it need not be read again.
                if key.is_some() {
                    self.remember([place, None], *counts)?;
                }
                true
            }
            End::Left => {
                self.sum.files_left += 1;
                false
            }
            End::Failed(why) => {
                self.sum.files_failed += 1;
                self.warn(&format!("{name}: {why}"));
                false
            }
        };
        let receipt = part.origin.receipt.as_ref();
        Ok(receipt.and_then(|receipt| receipt.end(is_done)))
    }

    /// Counts what an earlier import sent.
    fn known(&mut self, origin: &Origin, counts: Counts) {
        self.sum.events += counts.events;
        self.sum.stored_already += counts.events;
        self.sum.refused += counts.refused;
        if counts.refused > 0 {
            let (name, refused) = (&origin.name, counted(counts.refused, "item"));
            self.warn(&format!("{name}: imported before, but for {refused}"));
        }
    }

    fn remember(&self, keys: [Option<super::ledger::Key>; 2], counts: Counts) -> Result<()> {
        let Some(ledger) = &self.ledger else {
            return Ok(());
        };
        let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.add(keys.into_iter().flatten(), counts)
    }

    fn refuse(&mut self, origin: &Origin, line: u64, reason: &str) {
        self.open.refused += 1;
        self.sum.refused += 1;
        self.warn(&format!("{}: line {line}: refused: {reason}", origin.name));
    }

    fn warn(&self, text: &str) {
        self.problems.warn(text);
    }

    /// Returns the error for a stop before the end.
    pub(super) fn stopped(self, error: CliError) -> CliError {
        let kept = self.so_far();
        if error.exit == Exit::OutputClosed {
            return error;
        }
        error
            .during("the import stopped")
            .hint(format!("{kept}; the same command resumes"))
    }

    /// Returns the error for Ctrl-C.
    pub(super) fn interrupted(self) -> CliError {
        let kept = self.so_far();
        let printer = &self.settings.printer;
        printer.warn(&format!("interrupted: {kept}; the same command resumes"));
        CliError::new(Exit::Interrupted, "interrupted")
    }

    fn so_far(&self) -> String {
        format!(
            "{} ({}) imported",
            counted(self.sum.files, "file"),
            counted(self.sum.events + self.open.events, "event")
        )
    }

    /// Prints the sum. What was refused, failed or wrong makes the command fail.
    pub(super) fn finish(mut self, proofs: Option<&Proofs>, passed_over: u64) -> Result<()> {
        if let Some(progress) = self.problems.progress() {
            progress.clear();
        }
        let sum = &mut self.sum;
        // The server counts by request what it had before.
        let known: u64 = sum.events - sum.stored;
        sum.stored = match self.target {
            Some(_) => sum.stored.saturating_sub(sum.stored_already - known),
            None => 0,
        };
        sum.digests = proofs.map(|proofs| Digests {
            signed: proofs.signed,
            unsigned: proofs.unsigned,
            unsound: proofs.unsound,
            problems: self.problems.count(),
        });
        let sum = &self.sum;
        let mut rows = vec![
            ("files", sum.files),
            ("files_known", sum.files_known),
            ("files_failed", sum.files_failed),
            ("files_left", sum.files_left),
            ("events", sum.events),
            ("stored", sum.stored),
            ("stored_already", sum.stored_already),
            ("refused", sum.refused),
        ];
        if let Some(digests) = &sum.digests {
            rows.extend([
                ("digests_signed", digests.signed),
                ("digests_unsigned", digests.unsigned),
                ("digests_unsound", digests.unsound),
                ("problems", digests.problems),
            ]);
        }
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(name, count)| (name, count.to_string()))
            .collect();
        self.settings.printer.properties(&rows, &self.sum)?;
        self.notes(passed_over);
        self.verdict()
    }

    fn notes(&self, passed_over: u64) {
        let (sum, printer) = (&self.sum, &self.settings.printer);
        let mut line = counted(sum.events, "event");
        match &self.target {
            Some(target) => line += &format!(" imported to {target}"),
            None => line += " would be imported",
        }
        if !self.origins.is_plain() {
            line += &format!(" ({})", self.origins);
        }
        if sum.stored_already > 0 {
            line += &format!(", {} of them stored already", grouped(sum.stored_already));
        }
        printer.note(&line);
        if sum.files_left > 0 {
            let files = counted(sum.files_left, "file");
            printer.note(&format!(
                "{files} left for a later import: no digest proves them yet"
            ));
        }
        if passed_over > 0 {
            let files = counted(passed_over, "file");
            printer.note(&format!(
                "{files} passed over: by their names they hold no events, or older ones than asked for"
            ));
        }
    }

    fn verdict(&self) -> Result<()> {
        let sum = &self.sum;
        let mut wrong = Vec::new();
        if sum.refused > 0 {
            wrong.push(format!("{} refused", counted(sum.refused, "item")));
        }
        if sum.files_failed > 0 {
            wrong.push(format!(
                "{} not imported",
                counted(sum.files_failed, "file")
            ));
        }
        let problems = self.problems.count();
        if problems > 0 {
            wrong.push(format!("{} found", counted(problems, "problem")));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(CliError::failed(wrong.join(", "))
            .hint("the lines above name each; everything else is imported"))
    }
}
