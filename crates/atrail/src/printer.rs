//! The only place that writes to standard output and standard error.
//!
//! Data goes to standard output, everything else to standard error. Text from a server or an event passes through
//! [`safe`] before a person sees it.

mod color;
mod progress;
mod rows;

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use crate::error::{CliError, Exit, Result};
use crate::task::{blocking, until_interrupted};
use crate::tool::Tool;

pub(crate) use atrail_table::{Column, Layout, counted, grouped, part_of, safe, size};
pub(crate) use color::{Color, ColorWish};
pub(crate) use progress::Progress;
pub(crate) use rows::{RowStream, Rows};

/// Columns of a line that shows where a text is wrong.
const POINTED_COLUMNS: usize = 80;

/// The output format of data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON text.
    Json,
    /// One JSON text per line.
    Jsonl,
    /// RFC 4180, with a header.
    Csv,
}

/// Which standard streams are terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminals {
    /// A person can type.
    pub(crate) stdin: bool,
    /// A person reads the data.
    pub(crate) stdout: bool,
    /// A person reads the notes.
    pub(crate) stderr: bool,
}

impl Terminals {
    /// Asks the operating system.
    pub(crate) fn detect() -> Self {
        Self {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
        }
    }
}

/// Prints, in the requested format.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    /// The output format of data.
    pub(crate) format: Format,
    /// Whether notes are suppressed.
    pub(crate) quiet: bool,
    /// Which streams are terminals.
    pub(crate) terminals: Terminals,
    /// Width of the terminal, when a person reads the data.
    columns: Option<usize>,
    color: bool,
    tool: Option<Tool>,
}

impl Printer {
    /// Returns a printer without colours, for atrail's own spelling and tables of any width.
    pub(crate) const fn new(format: Format, quiet: bool, terminals: Terminals) -> Self {
        Self {
            format,
            quiet,
            terminals,
            columns: None,
            color: false,
            tool: None,
        }
    }

    /// Enables colours where the flag, the environment and the terminal call for them.
    pub(crate) const fn painting(mut self, flag: Color, wish: ColorWish) -> Self {
        self.color = wish.decide(flag, self.terminals.stderr);
        self
    }

    /// Spells commands in messages as this tool does.
    pub(crate) const fn speaking(mut self, tool: Option<Tool>) -> Self {
        self.tool = tool;
        self
    }

    /// Fits tables into this many columns when standard output is a terminal.
    pub(crate) fn within(mut self, columns: Option<usize>) -> Self {
        self.columns = columns.filter(|_| self.terminals.stdout);
        self
    }

    /// Returns the width to fit tables into, when a person reads the data.
    pub(crate) const fn width(&self) -> Option<usize> {
        self.columns
    }

    /// Returns whether a person can answer a question.
    pub(crate) const fn can_ask(&self) -> bool {
        self.terminals.stdin && self.terminals.stderr
    }

    /// Prints text that was made here, or made safe, to standard output.
    pub(crate) fn data(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(CliError::output)
    }

    /// Prints a one-line message for a person to standard error, unless `-q` was given.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            let text = self.tool.map_or(text.into(), |tool| tool.speak(text));
            self.stderr(&format!("{}\n", safe::for_terminal(&text)));
        }
    }

    /// Reports a fault that does not end the command; `-q` does not hide it.
    pub(crate) fn warn(&self, text: &str) {
        self.stderr(&format!("{}\n", safe::for_terminal(text)));
    }

    /// Prints the note that a server sent with its answer, if any; `-q` does not hide it.
    pub(crate) fn pass_on(&self, note: Option<&str>) {
        if let Some(note) = note {
            self.warn(&format!("note: {note}"));
        }
    }

    /// Reports why the command ends.
    pub(crate) fn error(&self, error: &CliError) {
        if matches!(error.exit, Exit::OutputClosed | Exit::Interrupted) {
            return;
        }
        let report = error.report();
        let (said, hint) = match report.split_once("\nhint: ") {
            Some((said, hint)) => (said, Some(hint)),
            None => (report.as_str(), None),
        };
        let said = said.strip_prefix("error: ").unwrap_or(said);
        self.labelled("error:", "1;31", said);
        if let Some((text, column)) = error.place() {
            self.stderr(&atrail_table::pointed(text, column, POINTED_COLUMNS));
        }
        if let Some(hint) = hint {
            let hint = self.tool.map_or(hint.into(), |tool| tool.speak(hint));
            self.labelled("hint:", "1;36", &hint);
        }
    }

    /// Prints a line on standard error that begins with a word in this colour (ECMA-48 §8.3.117), if colours are
    /// enabled.
    fn labelled(&self, label: &str, color: &str, text: &str) {
        let text = safe::for_terminal(text);
        self.stderr(&if self.color {
            format!("\u{1b}[{color}m{label}\u{1b}[0m {text}\n")
        } else {
            format!("{label} {text}\n")
        });
    }

    /// Asks at the terminal, without a line end. The caller checks [`Printer::can_ask`] first.
    pub(crate) async fn ask(&self, question: &str) -> Result<String> {
        self.stderr(&safe::for_terminal(question));
        let answer = blocking(|| {
            let mut answer = String::new();
            io::stdin()
                .read_line(&mut answer)
                .map_err(|error| CliError::file("could not read the answer", error))?;
            Ok(answer.trim().to_owned())
        });
        until_interrupted(answer).await
    }

    /// Asks for consent; returns `true` only for a yes.
    pub(crate) async fn agrees(&self, question: &str) -> Result<bool> {
        let answer = self.ask(&format!("{question} [y/N] ")).await?;
        Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }

    /// Returns JSON and CSV unchanged because they are data, except at a terminal.
    fn shown_data(&self, text: String) -> String {
        match self.format {
            Format::Csv if self.terminals.stdout => text
                .split_inclusive('\n')
                .map(|line| {
                    format!(
                        "{}\n",
                        safe::for_terminal(line.trim_end_matches(['\r', '\n']))
                    )
                })
                .collect(),
            Format::Csv | Format::Table => text,
            Format::Json | Format::Jsonl => safe::json_for_terminal(&text).into_owned(),
        }
    }

    /// Writes to standard error and ignores a failure: if it is closed, nobody reads a report.
    fn stderr(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
