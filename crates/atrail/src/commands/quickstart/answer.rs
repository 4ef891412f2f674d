//! The answer to the question of the quickstart: who deleted what, when, from where.

use serde::Deserialize;
use serde_json::Value;

use crate::error::{CliError, Result};

/// A hit of a search in a file, as `--places` prints it.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// Its line in the file, from 1.
    pub(super) line: u64,
    event: Value,
}

/// Reads the first hit.
pub(super) fn read(hits: &str) -> Result<Answer> {
    let first = hits.lines().next();
    let first = first.ok_or_else(|| CliError::failed("no event of the download is a deletion"))?;
    serde_json::from_str(first)
        .map_err(|error| CliError::failed("the hit cannot be understood").because(error))
}

impl Answer {
    /// Returns the answer to each question, in a line.
    pub(super) fn lines(&self) -> [String; 4] {
        let text = |pointer| {
            let value = self.event.pointer(pointer);
            value.and_then(Value::as_str).unwrap_or("?")
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
