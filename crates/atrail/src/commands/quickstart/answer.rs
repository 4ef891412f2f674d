//! Answers the question of the quickstart from a download: who deleted what, when, from where.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::error::{CliError, Result};

/// The words that `grep` looks for, quoted for a shell.
pub(super) const PATTERN: &str = "'\"action\": \"delete\"'";

/// An event of a download.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its line, from 1.
    pub(super) line: u64,
    text: String,
}

/// Returns the last line that has [`PATTERN`].
pub(super) fn find(path: &Path) -> Result<Answer> {
    let failed = |error| CliError::file(format!("could not read {}", path.display()), error);
    let file = File::open(path).map_err(failed)?;
    let lines = BufReader::new(MultiGzDecoder::new(BufReader::new(file))).lines();
    let words = PATTERN.trim_matches('\'');
    let mut found = None;
    for (line, text) in (1..).zip(lines) {
        let text = text.map_err(failed)?;
        if text.contains(words) {
            found = Some(Answer { line, text });
        }
    }
    found.ok_or_else(|| CliError::failed("no event of the download is a deletion"))
}

impl Answer {
    /// Returns the beginning of what `grep -n` prints.
    pub(super) fn beginning(&self, columns: usize) -> String {
        let line = format!("{}:{}", self.line, self.text);
        line.chars().take(columns).collect()
    }

    /// Returns the answer to each question, in a line.
    pub(super) fn lines(&self) -> [String; 4] {
        let event: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let text = |pointer| {
            event
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or("?")
        };
        let what = ["/action", "/target/name", "/target/id"]
            .map(text)
            .join(" ");
        [
            format!("  who    {}", text("/initiator/name")),
            format!("  what   {what} ({})", text("/outcome")),
            format!("  when   {}", text("/eventTime")),
            format!("  where  {}", text("/initiator/host/address")),
        ]
    }
}
