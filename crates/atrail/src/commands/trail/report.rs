//! What became of the events: receipts on standard output, refusals on standard error.

use atrail_api::AckOrRefusal;

use super::batch::Batch;
use crate::error::{CliError, Exit, Result};
use crate::printer::{Column, Layout, Progress, RowStream};
use crate::settings::Settings;

/// Counts and prints.
pub(super) struct Report<'a> {
    settings: &'a Settings,
    rows: Option<RowStream<'a>>,
    progress: Option<Progress>,
    kept: u64,
    refused: u64,
    last_line: u64,
}

/// GUIDs have 36 characters, leaf hashes in base64 44.
const WIDTHS: [usize; 2] = [36, 44];

impl<'a> Report<'a> {
    /// Begins; `total` is the length of the file, if it is one.
    pub(super) fn start(settings: &'a Settings, total: Option<u64>) -> Result<Self> {
        let columns: &'static [Column] = columns();
        let printer = &settings.printer;
        let rows = (!printer.quiet)
            .then(|| RowStream::start(printer, Layout::Ruled, columns, &WIDTHS))
            .transpose()?;
        // Beside receipts on the same terminal, a bar would only flicker.
        let has_room = printer.terminals.stderr && !printer.terminals.stdout;
        let progress = total
            .filter(|_| has_room)
            .map(|total| printer.progress("Sending", 0, total));
        Ok(Self {
            settings,
            rows,
            progress,
            kept: 0,
            refused: 0,
            last_line: 0,
        })
    }

    /// Takes the answers to a batch.
    pub(super) fn batch(&mut self, batch: &Batch, answers: &[AckOrRefusal]) -> Result<()> {
        for refusal in &batch.refusals {
            self.refuse(refusal.line, &refusal.reason);
        }
        for (answer, line) in answers.iter().zip(&batch.lines) {
            match answer {
                AckOrRefusal::Ack { id, value } => {
                    self.kept += 1;
                    if let Some(rows) = &mut self.rows {
                        rows.row(&[id.clone(), value.clone()])?;
                    }
                }
                AckOrRefusal::Refusal { error, .. } => self.refuse(*line, error),
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

    /// The error for an end because the input cannot be read on.
    pub(super) fn stopped(mut self, error: CliError) -> CliError {
        self.close();
        if error.exit == Exit::OutputClosed {
            return error;
        }
        let next = self.last_line + 1;
        let kept = self.acknowledged();
        error
            .during("sending stopped")
            .hint(format!("{kept}; go on with line {next}"))
    }

    /// The error for an end at this batch: says which lines are acknowledged, which are unknown, which are still to send.
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
                "sending stopped: lines {first} to {last} ({count} events) were sent, but their receipts were lost"
            ))
            .hint(format!(
                "{kept}; whether lines {first} to {last} are kept is unknown: send them again with those after. An event \
                 that has an id is stored once; one without may be stored twice"
            ))
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

    /// The end: says how many were kept; refused events make the command fail.
    pub(super) fn finish(self) -> Result<()> {
        if let Some(rows) = self.rows {
            rows.finish()?;
        }
        if let Some(progress) = self.progress {
            progress.finish();
        }
        let (kept, refused) = (self.kept, self.refused);
        if refused == 0 {
            self.settings.printer.note(&format!("{kept} events sent"));
            return Ok(());
        }
        Err(CliError::failed(format!(
            "{refused} of {} events were refused",
            kept + refused
        ))
        .hint("the lines above say which and why; the others are kept"))
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
    COLUMNS.get_or_init(|| [Column::text("ID"), Column::text("Value")])
}
