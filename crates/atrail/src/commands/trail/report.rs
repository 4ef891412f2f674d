//! Reports the outcome for each event: receipts on standard output, refusals on standard error.

use atrail_api::AckOrRefusal;
use atrail_sources::Tally;

use super::batch::Batch;
use super::sent::Sent;
use crate::error::{CliError, Exit, Result};
use crate::printer::{Column, Format, Layout, Progress, RowStream, counted, grouped};
use crate::settings::Settings;

/// Counts and prints.
pub(super) struct Report<'a> {
    settings: &'a Settings,
    /// Where the events go.
    target: String,
    rows: Option<RowStream<'a>>,
    progress: Option<Progress>,
    kept: u64,
    stored_already: u64,
    origins: Tally,
    refused: u64,
    /// Lines that are neither an event nor a refusal of their own.
    not_read: u64,
    last_line: u64,
}

/// What to do about events whose outcome is unknown.
const SEND_AGAIN: &str = "send them again, with the lines after them. An event that has an id is stored once; one without may be stored twice";

/// GUIDs have 36 characters, leaf hashes in base64 44.
const WIDTHS: [usize; 2] = [36, 44];

impl<'a> Report<'a> {
    /// Starts the report; `total` is the length of the input, if it is a file.
    pub(super) fn start(
        settings: &'a Settings,
        target: String,
        total: Option<u64>,
    ) -> Result<Self> {
        let columns: &'static [Column] = columns();
        let printer = &settings.printer;
        // Receipts in a format for programs are data, which `-q` does not hide.
        let wanted = !printer.quiet || printer.format != Format::Table;
        let rows = wanted
            .then(|| RowStream::start(printer, Layout::Ruled, columns, &WIDTHS))
            .transpose()?;
        // Beside receipts on the same terminal, a bar would only flicker.
        let has_room = printer.terminals.stderr && !printer.terminals.stdout;
        let progress = total
            .filter(|_| has_room)
            .map(|total| printer.progress("Sending", 0, total));
        Ok(Self {
            settings,
            target,
            rows,
            progress,
            kept: 0,
            stored_already: 0,
            origins: Tally::default(),
            refused: 0,
            not_read: 0,
            last_line: 0,
        })
    }

    /// Adds the answers to a batch.
    pub(super) fn batch(&mut self, batch: &Batch, sent: &Sent) -> Result<()> {
        for refusal in &batch.refusals {
            self.refuse(refusal.line, &refusal.reason);
            self.not_read += refusal.not_read;
        }
        let sources = batch.lines.iter().zip(&batch.origins);
        self.stored_already += sent.stored_already;
        for (answer, (line, origin)) in sent.answers.iter().zip(sources) {
            match answer {
                // The server's `type` is always CADF, because the client converts the other formats.
                AckOrRefusal::Ack { id, value, kind: _ } => {
                    self.kept += 1;
                    self.origins.add(*origin);
                    if let Some(rows) = &mut self.rows {
                        rows.row(&[id.clone(), value.clone()])?;
                    }
                }
                AckOrRefusal::Refusal {
                    error, not_read, ..
                } => {
                    self.refuse(*line, error);
                    self.not_read += not_read;
                }
            }
        }
        self.last_line = batch.span().map_or(self.last_line, |(_, last)| last);
        if let Some(rows) = &mut self.rows {
            rows.flush()?;
        }
        if let Some(progress) = &self.progress {
            progress.set(batch.end);
        }
        Ok(())
    }

    /// Returns the error for an input that cannot be read any further.
    pub(super) fn stopped(mut self, error: CliError) -> CliError {
        self.close();
        if error.exit == Exit::OutputClosed {
            return error;
        }
        let next = self.last_line + 1;
        let kept = self.acknowledged();
        error
            .during("sending stopped")
            .hint(format!("{kept}; continue with line {next}"))
    }

    /// Returns the error for a stop at this batch: says which lines are acknowledged, which are unknown, and which are
    /// still to be sent.
    pub(super) fn stopped_at(mut self, batch: &Batch, error: CliError) -> CliError {
        self.close();
        let Some((first, last)) = batch.span() else {
            return self.stopped(error);
        };
        let (kept, count) = (self.acknowledged(), batch.lines.len());
        if !error.is_outcome_unknown() {
            return error.during("sending stopped").hint(format!(
                "{kept}; those from line {first} on are not: send them when the cause is gone"
            ));
        }
        error
            .during(format!(
                "sending stopped: lines {first} to {last} ({}) were sent, but their receipts were lost",
                counted(count as u64, "event")
            ))
            .hint(format!(
                "{kept}; whether lines {first} to {last} are kept is unknown: {SEND_AGAIN}"
            ))
    }

    /// Returns the error for Ctrl-C: says which lines are acknowledged, and which were being sent.
    pub(super) fn interrupted(mut self, under_way: Option<&Batch>) -> CliError {
        self.close();
        let kept = self.acknowledged();
        let rest = match under_way.and_then(Batch::span) {
            Some((first, last)) => {
                format!("whether lines {first} to {last} are kept is unknown: {SEND_AGAIN}")
            }
            None => format!("nothing was sent of line {} and after", self.last_line + 1),
        };
        let printer = &self.settings.printer;
        printer.warn(&format!("interrupted: {kept}; {rest}"));
        CliError::new(Exit::Interrupted, "interrupted")
    }

    fn acknowledged(&self) -> String {
        match self.last_line {
            0 => "no event is acknowledged".to_owned(),
            last => format!(
                "the events up to line {last} are acknowledged ({} kept)",
                self.kept
            ),
        }
    }

    fn close(&mut self) {
        if let Some(rows) = self.rows.take() {
            let _ = rows.finish();
        }
        drop(self.progress.take());
    }

    /// Ends the report: says how many events were stored; refused events make the command fail.
    pub(super) fn finish(self) -> Result<()> {
        if let Some(rows) = self.rows {
            rows.finish()?;
        }
        if let Some(progress) = self.progress {
            progress.finish();
        }
        let (kept, refused) = (self.kept, self.refused);
        if refused == 0 || kept > 0 {
            let mut told = format!("{} sent to {}", counted(kept, "event"), self.target);
            if !self.origins.is_plain() {
                told += &format!(" ({})", self.origins);
            }
            if self.stored_already > 0 {
                told += &format!(", {} of them stored already", grouped(self.stored_already));
            }
            self.settings.printer.note(&told);
        }
        if refused == 0 {
            return Ok(());
        }
        let of_all = counted(kept + refused, "event");
        let were = |count| if count == 1 { "was" } else { "were" };
        let mut what = format!("{refused} of {of_all} {} refused", were(refused));
        if self.not_read > 0 {
            let lines = counted(self.not_read, "line");
            what += &format!(", and {lines} {} not read", were(self.not_read));
        }
        Err(CliError::failed(what).hint(match (kept, self.not_read) {
            (0, _) => "the lines above say which and why; nothing was kept",
            (_, 0) => "the lines above say which and why; the others are kept",
            _ => {
                "the lines above say which and why. Correct the input and send all of it again: an event that has an id is \
                 stored once"
            }
        }))
    }

    fn refuse(&mut self, line: u64, reason: &str) {
        self.refused += 1;
        let text = format!("line {line}: refused: {reason}");
        match &self.progress {
            Some(progress) => progress.warn(&text),
            None => self.settings.printer.warn(&text),
        }
    }
}

fn columns() -> &'static [Column] {
    static COLUMNS: std::sync::OnceLock<[Column; 2]> = std::sync::OnceLock::new();
    COLUMNS.get_or_init(|| [Column::text("ID"), Column::verbatim("Value")])
}
