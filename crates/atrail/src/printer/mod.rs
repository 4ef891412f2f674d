//! The only place that writes to standard output and standard error.
//!
//! Data goes to standard output, everything else to standard error. What comes from a server or an event passes
//! [`safe`] before a person sees it.

mod progress;
mod rows;
pub(crate) mod safe;
mod table;

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::error::{CliError, Exit, Result};

pub(crate) use progress::Progress;
pub(crate) use rows::{RowStream, Rows};
pub(crate) use table::{Column, Layout};

/// How data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON text.
    Json,
    /// One JSON text a line.
    Jsonl,
    /// RFC 4180, with a header.
    Csv,
}

/// When to use colours on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// At a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which standard streams are terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminals {
    /// Somebody can type.
    pub(crate) stdin: bool,
    /// Data is read by a person.
    pub(crate) stdout: bool,
    /// Notes are read by a person.
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

/// Prints, in the format that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    /// How data is printed.
    pub(crate) format: Format,
    /// Whether notes are left out.
    pub(crate) quiet: bool,
    /// Which streams are terminals.
    pub(crate) terminals: Terminals,
    color: bool,
}

impl Printer {
    /// A printer with these settings.
    pub(crate) fn new(
        format: Format,
        quiet: bool,
        color: Color,
        no_color: bool,
        terminals: Terminals,
    ) -> Self {
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminals.stderr && !no_color,
        };
        Self {
            format,
            quiet,
            terminals,
            color,
        }
    }

    /// Whether there is somebody to ask.
    pub(crate) const fn can_ask(&self) -> bool {
        self.terminals.stdin && self.terminals.stderr
    }

    /// Prints the properties of one thing: a table of names and values, or the thing as JSON, or one CSV record.
    pub(crate) fn properties(
        &self,
        properties: &[(&str, String)],
        thing: &impl Serialize,
    ) -> Result<()> {
        let text = match self.format {
            Format::Table => {
                let columns = [Column::text("Name"), Column::text("Value")];
                let mut rows = Rows::new(Layout::Plain, columns.to_vec());
                for (name, value) in properties {
                    rows.push(vec![(*name).to_owned(), value.clone()], ());
                }
                return rows.print(self);
            }
            Format::Json => json(thing, true)?,
            Format::Jsonl => json(thing, false)?,
            Format::Csv => {
                let names: Vec<_> = properties.iter().map(|(name, _)| *name).collect();
                let values: Vec<_> = properties.iter().map(|(_, value)| value.as_str()).collect();
                format!("{}{}", rows::csv_record(&names), rows::csv_record(&values))
            }
        };
        self.data(&self.shown_data(text))
    }

    /// Prints a sentence that is itself the answer; in other formats as the thing with it in `message`.
    pub(crate) fn answer(&self, sentence: &str) -> Result<()> {
        match self.format {
            Format::Table => self.data(&format!("{}\n", safe::for_terminal(sentence))),
            _ => self.properties(
                &[("message", sentence.to_owned())],
                &serde_json::json!({ "message": sentence }),
            ),
        }
    }

    /// Prints text that was made here, or made safe, to standard output.
    pub(crate) fn data(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(CliError::output)
    }

    /// Tells a person something that is no data: one line, unless `-q` was given.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.stderr(&format!("{}\n", safe::for_terminal(text)));
        }
    }

    /// Tells of something that went wrong without ending the command; `-q` does not hide it.
    pub(crate) fn warn(&self, text: &str) {
        self.stderr(&format!("{}\n", safe::for_terminal(text)));
    }

    /// Tells why the command ends.
    pub(crate) fn error(&self, error: &CliError) {
        if matches!(error.exit, Exit::OutputClosed | Exit::Interrupted) {
            return;
        }
        for line in error.report().lines() {
            let line = safe::for_terminal(line);
            let painted = match (self.color, line.strip_prefix("error:")) {
                (true, Some(rest)) => format!("\u{1b}[1;31merror:\u{1b}[0m{rest}\n"),
                _ => format!("{line}\n"),
            };
            self.stderr(&painted);
        }
    }

    /// Asks at the terminal, without a line end. Ask [`Printer::can_ask`] first.
    pub(crate) fn ask(&self, question: &str) -> Result<String> {
        self.stderr(&safe::for_terminal(question));
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|error| CliError::file("could not read the answer", error))?;
        Ok(answer.trim().to_owned())
    }

    /// A bar, or two lines, for a long way to `total` bytes.
    pub(crate) fn progress(&self, what: &str, start: u64, total: u64) -> Progress {
        Progress::start(self, what, start, total)
    }

    /// JSON and CSV are data: they stay as they are, except at a terminal.
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

    /// Standard error may be closed; nobody is left to be told.
    fn stderr(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

fn json(thing: &impl Serialize, pretty: bool) -> Result<String> {
    let text = if pretty {
        serde_json::to_string_pretty(thing)
    } else {
        serde_json::to_string(thing)
    };
    text.map(|text| text + "\n")
        .map_err(|error| CliError::failed("could not write the answer as JSON").because(error))
}
