//! Prints hits as they arrive: as a table, as the events themselves, or in another format to a file.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use atrail_export::{Columns, Exporter, cells};
use bytes::Bytes;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::ask::Output;
use super::hits::{Hit, Hits};
use super::output_file::OutputFile;
use crate::client::Names;
use crate::download::{Conversion, SafeLines};
use crate::error::{CliError, Result};
use crate::printer::{Column, Format, Layout, Printer, RowStream, Rows, safe};
use crate::settings::Settings;

/// Rows that are drawn as one table with columns of their widths. The widths of a longer table follow from these.
const ROWS_AT_ONCE: usize = 1000;
/// What the cells of a row come from.
const COLUMNS: &str =
    "time,initiator.name,initiator.id,outcome,action,target.name,target.id,initiator.host.address";

/// What was printed.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Number of hits.
    pub(super) hits: u64,
    /// The file, and its bytes.
    pub(super) file: Option<(PathBuf, u64)>,
}

/// The file, for programs. (A person reads the note.)
#[derive(Debug, Serialize)]
struct Written {
    file: String,
    events: u64,
    size: u64,
}

/// Reports the file that was written, in a format for programs.
pub(super) fn report(printer: &Printer, shown: &Shown) -> Result<()> {
    let Some((path, size)) = &shown.file else {
        return Ok(());
    };
    if printer.format == Format::Table {
        return Ok(());
    }
    let written = Written {
        file: path.display().to_string(),
        events: shown.hits,
        size: *size,
    };
    let properties = [
        ("file", written.file.clone()),
        ("events", written.events.to_string()),
        ("size", written.size.to_string()),
    ];
    printer.properties(&properties, &written)
}

/// Returns whether the hits become rows.
pub(super) fn is_table(settings: &Settings, output: &Output) -> bool {
    let printer = &settings.printer;
    let is_table = match printer.format {
        Format::Table => printer.terminals.stdout,
        Format::Csv => true,
        Format::Json | Format::Jsonl => false,
    };
    is_table && matches!(output, Output::Shown)
}

/// Returns whether the output shows the place of an event, or, in rows with spaces, whose it is.
pub(super) fn needs_places(settings: &Settings, output: &Output, has_spaces: bool) -> bool {
    matches!(output, Output::Places) || has_spaces && is_table(settings, output)
}

/// Prints all hits. With `spaces`, rows show whose an event is.
pub(super) async fn print(
    settings: &Settings,
    output: &Output,
    hits: &mut Hits<'_>,
    spaces: Option<&Names>,
) -> Result<Shown> {
    let printer = &settings.printer;
    match output {
        Output::Shown if is_table(settings, output) => table(printer, hits, spaces).await,
        Output::Shown => stdout(printer, &of_format(printer.format)?, hits, line).await,
        Output::Places => stdout(printer, &of_format(printer.format)?, hits, with_place).await,
        Output::Stdout(conversion) => stdout(printer, conversion, hits, line).await,
        Output::File(path, conversion, may_replace) => {
            let file = OutputFile::create(path, *may_replace)?;
            let failed =
                |error| CliError::file(format!("could not write {}", path.display()), error);
            let (hits, file) = converted(conversion, hits, line, file, failed).await?;
            file.finish().map_err(failed)?;
            let size = std::fs::metadata(path).map(|metadata| metadata.len());
            Ok(Shown {
                hits,
                file: Some((path.clone(), size.map_err(failed)?)),
            })
        }
    }
}

/// Returns the format of events on standard output.
fn of_format(format: Format) -> Result<Conversion> {
    let name = match format {
        Format::Json => "json",
        Format::Table | Format::Jsonl | Format::Csv => "ndjson",
    };
    let format = name
        .parse()
        .map_err(|error: atrail_export::ParseFormatError| {
            CliError::failed("there is no format for events").because(error)
        })?;
    let options = atrail_export::Options::default();
    Ok(Conversion { format, options })
}

/// Returns what is printed of a hit: the event.
fn line(hit: Hit) -> Result<Bytes> {
    Ok(hit.line)
}

/// Returns the place of a hit, with the event in it byte for byte.
fn with_place(hit: Hit) -> Result<Bytes> {
    let place = serde_json::to_vec(&hit.place.as_ref())
        .map_err(|error| CliError::failed("could not write a place").because(error))?;
    let members = place.strip_suffix(b"}").unwrap_or(b"{\"place\":null");
    Ok([members, b",\"event\":", &hit.line, b"}"].concat().into())
}

async fn stdout(
    printer: &Printer,
    conversion: &Conversion,
    hits: &mut Hits<'_>,
    text: impl Fn(Hit) -> Result<Bytes>,
) -> Result<Shown> {
    let out = BufWriter::new(io::stdout());
    let failed = CliError::output;
    let count = if printer.terminals.stdout {
        let out = SafeLines::new(out);
        converted(conversion, hits, text, out, failed).await?.0
    } else {
        converted(conversion, hits, text, out, failed).await?.0
    };
    Ok(Shown {
        hits: count,
        file: None,
    })
}

/// Writes the hits in a format; returns their number, and the output, flushed.
async fn converted<W: Write>(
    conversion: &Conversion,
    hits: &mut Hits<'_>,
    text: impl Fn(Hit) -> Result<Bytes>,
    out: W,
    failed: impl Fn(io::Error) -> CliError,
) -> Result<(u64, W)> {
    let failed = |error: io::Error| Conversion::failed(error, &failed);
    let mut exporter = Exporter::new(conversion.format, conversion.options.clone(), out);
    let mut count = 0;
    loop {
        let batch = hits.next().await?;
        if batch.is_empty() {
            break;
        }
        count += batch.len() as u64;
        for hit in batch {
            let text = text(hit)?;
            let written = exporter
                .write_all(&text)
                .and_then(|()| exporter.write_all(b"\n"));
            written.map_err(failed)?;
        }
        // What was found shows at once, also in a pipe.
        exporter.flush().map_err(failed)?;
    }
    let out = exporter.finish().map_err(|error| failed(error.into()))?;
    Ok((count, out))
}

async fn table(printer: &Printer, hits: &mut Hits<'_>, spaces: Option<&Names>) -> Result<Shown> {
    let mut columns = vec![
        Column::text("Time").at_least(10),
        Column::text("Who").at_least(8),
        Column::text("Outcome").at_least(7),
        Column::text("Action").at_least(8),
        Column::text("Target").at_least(8),
        Column::text("From").at_least(7),
    ];
    if spaces.is_some() {
        columns.push(Column::text("Space").at_least(7));
    }
    let wanted: Columns = COLUMNS
        .parse()
        .map_err(|error: atrail_export::ParseColumnsError| {
            CliError::failed("an event has no such column").because(error)
        })?;
    let is_csv = printer.format == Format::Csv;
    let row = |hit: &Hit| row(hit, &wanted, spaces, is_csv);
    let mut first: Vec<Vec<String>> = Vec::new();
    let mut stream: Option<RowStream<'_>> = None;
    let mut count = 0;
    loop {
        let batch = hits.next().await?;
        if batch.is_empty() {
            break;
        }
        count += batch.len() as u64;
        for hit in &batch {
            match &mut stream {
                Some(stream) => stream.row(&row(hit))?,
                None => first.push(row(hit)),
            }
            if stream.is_none() && (first.len() > ROWS_AT_ONCE || is_csv) {
                let widths = widths(&first, columns.len());
                let start = RowStream::start(printer, Layout::Plain, &columns, &widths)?;
                let begun = stream.insert(start.wrapping());
                for row in first.drain(..) {
                    begun.row(&row)?;
                }
            }
        }
        if let Some(stream) = &mut stream {
            stream.flush()?;
        }
    }
    match stream {
        Some(stream) => stream.finish()?,
        None if count == 0 && !is_csv => {}
        None => {
            let mut rows = Rows::new(Layout::Plain, columns);
            for row in first {
                rows.push(row, ());
            }
            rows.print(printer)?;
        }
    }
    Ok(Shown {
        hits: count,
        file: None,
    })
}

fn widths(rows: &[Vec<String>], columns: usize) -> Vec<usize> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| safe::for_terminal(cell).width()).max()
    };
    (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect()
}

/// Returns the cells of a hit: when, who, with what outcome, what, to what, from where, and whose.
fn row(hit: &Hit, columns: &Columns, spaces: Option<&Names>, is_csv: bool) -> Vec<String> {
    let cells = cells(&hit.line, columns).unwrap_or_else(|_| vec![text(&hit.line)]);
    let mut cells = cells.into_iter();
    let mut next = || cells.next().unwrap_or_default();
    let time = next();
    let (name, id) = (next(), next());
    let who = if name.is_empty() { id } else { name };
    let (outcome, action) = (next(), next());
    let (name, id) = (next(), next());
    let target = if name.is_empty() { id } else { name };
    let from = next();
    let time = match is_csv {
        true => time,
        false => seconds(&time),
    };
    let mut row = vec![time, who, outcome, action, target, from];
    let space = spaces.zip(hit.space());
    row.extend(spaces.map(|_| space.map_or_else(String::new, |(names, guid)| names.of(guid))));
    row
}

fn text(line: &Bytes) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// Shortens `2026-11-20T14:30:00.123000000Z` for people: `2026-11-20 14:30:00Z`, which a narrow column breaks in two.
fn seconds(time: &str) -> String {
    match (time.get(..10), time.get(11..19)) {
        (Some(day), Some(clock)) => format!("{day} {clock}Z"),
        _ => time.to_owned(),
    }
}
