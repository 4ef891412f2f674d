//! Converts a download into other formats.
//!
//! The input is a download's text: stored lines, each followed by LF. The output goes to a [`Write`]. The exporter
//! works event by event, so its memory does not grow with the download. `docs/EXPORT.md` describes the formats for
//! their users.

mod csv;
mod error;
mod es_bulk;
mod event;
mod exporter;
mod json;
mod ndjson;

use std::io::{self, Write};
use std::str::FromStr;

pub use csv::cell::{write as write_csv_cell, write_verbatim as write_csv_cell_verbatim};
pub use csv::cells;
pub use csv::columns::{Columns, ParseColumnsError};
pub use error::{EventFault, ExportError};
pub use es_bulk::{IndexName, ParseIndexNameError};
pub use exporter::{Exporter, LINE_MAX_BYTES};

/// Every format. To add one, add a file and an entry here.
pub static FORMATS: [Format; 4] = [ndjson::FORMAT, json::FORMAT, csv::FORMAT, es_bulk::FORMAT];

/// A format that the exporter writes.
#[derive(Debug)]
pub struct Format {
    /// The name by which users select it.
    pub name: &'static str,
    /// A description in a few words.
    pub about: &'static str,
    /// Whether the format uses [`Options::index`].
    pub uses_index: bool,
    /// Whether the format uses [`Options::columns`].
    pub uses_columns: bool,
    shape: fn(Options) -> Box<dyn Shape>,
}

/// A user's choices about a format.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The index that receives the events.
    pub index: IndexName,
    /// The columns of each row.
    pub columns: Columns,
}

/// No format has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no format of this name; the formats are {}", FORMATS.each_ref().map(|format| format.name).join(", "))]
pub struct ParseFormatError;

impl FromStr for &'static Format {
    type Err = ParseFormatError;

    fn from_str(name: &str) -> Result<Self, ParseFormatError> {
        FORMATS
            .iter()
            .find(|format| format.name == name)
            .ok_or(ParseFormatError)
    }
}

/// What a format writes: at the beginning, for each event, and at the end.
trait Shape: Send {
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Writes one event, whose line comes without its LF.
    fn event(&mut self, line: &[u8], out: &mut dyn Write) -> Result<(), Failure>;

    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Why the format did not write an event.
#[derive(Debug)]
enum Failure {
    Event(EventFault),
    Output(io::Error),
}

impl From<EventFault> for Failure {
    fn from(fault: EventFault) -> Self {
        Self::Event(fault)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
