//! Prints rows: all at once, or as they arrive.

use std::io::{self, BufWriter, Write};

use atrail_export::{write_csv_cell, write_csv_cell_verbatim};
use atrail_table::{Column, Drawing, Layout, safe};
use serde::Serialize;
use serde_json::Value;

use super::{Format, Printer};
use crate::error::{CliError, Result};

/// Properties that people copy whole: secrets and keys. A line break within one would corrupt it.
const UNBROKEN: [&str; 2] = ["key", "access_token"];

/// Rows that are all collected before printing.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    layout: Layout,
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    things: Vec<T>,
}

impl<T: Serialize> Rows<T> {
    /// Returns an empty set of rows.
    pub(crate) const fn new(layout: Layout, columns: Vec<Column>) -> Self {
        Self {
            layout,
            columns,
            rows: Vec::new(),
            things: Vec::new(),
        }
    }

    /// Adds a row, and the value that JSON output prints for it.
    pub(crate) fn push(&mut self, row: Vec<String>, thing: T) {
        self.rows.push(row);
        self.things.push(thing);
    }

    /// Prints the rows in the printer's format.
    pub(crate) fn print(&self, printer: &Printer) -> Result<()> {
        let text = match printer.format {
            Format::Table => {
                atrail_table::draw(self.layout, &self.columns, &self.rows, printer.columns)
            }
            Format::Json => json(&self.things, true)?,
            Format::Jsonl => {
                let lines = self.things.iter().map(|thing| json(thing, false));
                lines.collect::<Result<String>>()?
            }
            Format::Csv => {
                let rows = self.rows.iter();
                let body: String = rows.map(|row| csv_row(&self.columns, row)).collect();
                csv_header(&self.columns) + &body
            }
        };
        printer.data(&printer.shown_data(text))
    }
}

/// Rows that are printed as they arrive, in bounded memory.
pub(crate) struct RowStream<'a> {
    printer: &'a Printer,
    columns: &'a [Column],
    drawing: Drawing<'a>,
    out: BufWriter<io::Stdout>,
    count: u64,
}

impl<'a> RowStream<'a> {
    /// Prints the header; the widths of the columns must be known.
    pub(crate) fn start(
        printer: &'a Printer,
        layout: Layout,
        columns: &'a [Column],
        widths: &[usize],
    ) -> Result<Self> {
        let drawing = Drawing::with_widths(layout, columns, widths);
        let narrowed = printer.columns.and_then(|width| drawing.narrowed(width));
        let drawing = narrowed.unwrap_or(drawing);
        let head = match printer.format {
            Format::Table => drawing.head(),
            Format::Json => "[".to_owned(),
            Format::Jsonl => String::new(),
            Format::Csv => csv_header(columns),
        };
        let mut stream = Self {
            printer,
            columns,
            drawing,
            out: BufWriter::new(io::stdout()),
            count: 0,
        };
        stream.write(&printer.shown_data(head))?;
        Ok(stream)
    }

    /// Wraps cells that are wider than their columns, at a terminal.
    pub(crate) fn wrapping(mut self) -> Self {
        if self.printer.columns.is_some() {
            self.drawing = self.drawing.wrapping();
        }
        self
    }

    /// Prints one row.
    pub(crate) fn row(&mut self, row: &[String]) -> Result<()> {
        let text = match self.printer.format {
            Format::Table => self.drawing.row(row),
            Format::Json => {
                let comma = if self.count == 0 { "\n" } else { ",\n" };
                format!("{comma}{}", self.thing(row)?.trim_end())
            }
            Format::Jsonl => self.thing(row)?,
            Format::Csv => csv_row(self.columns, row),
        };
        self.count += 1;
        let shown = self.printer.shown_data(text);
        self.write(&shown)
    }

    /// Flushes the printed rows to the operating system.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(CliError::output)
    }

    /// Prints the end of the table, after the last row.
    pub(crate) fn finish(mut self) -> Result<()> {
        let foot = match self.printer.format {
            Format::Table => self.drawing.foot(),
            Format::Json => "\n]\n".to_owned(),
            Format::Jsonl | Format::Csv => String::new(),
        };
        self.write(&foot)?;
        self.flush()
    }

    fn thing(&self, row: &[String]) -> Result<String> {
        let members = self.columns.iter().zip(row);
        let members = members
            .map(|(column, cell)| (column.name().to_lowercase(), Value::String(cell.clone())));
        json(&Value::Object(members.collect()), false)
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.out
            .write_all(text.as_bytes())
            .map_err(CliError::output)
    }
}

impl Printer {
    /// Prints the properties of one thing: a table of names and values, or the thing as JSON, or one CSV record.
    pub(crate) fn properties(
        &self,
        properties: &[(&str, String)],
        thing: &impl Serialize,
    ) -> Result<()> {
        let text = match self.format {
            Format::Table => return self.data(&self.names_and_values(properties)),
            Format::Json => json(thing, true)?,
            Format::Jsonl => json(thing, false)?,
            Format::Csv => {
                let names: Vec<_> = properties.iter().map(|(name, _)| *name).collect();
                let values: Vec<_> = properties.iter().map(|(_, value)| value.as_str()).collect();
                format!("{}{}", csv_record(&names), csv_record(&values))
            }
        };
        self.data(&self.shown_data(text))
    }

    /// Draws a table of names and values. Within a terminal, cells wrap, except those that people copy: where such a cell
    /// does not fit, it follows the table on a line of its own.
    fn names_and_values(&self, properties: &[(&str, String)]) -> String {
        let columns = [Column::text("Name"), Column::text("Value")];
        let table = |properties: &[&(&str, String)]| {
            let rows = properties
                .iter()
                .map(|(name, value)| vec![(*name).to_owned(), value.clone()]);
            let rows: Vec<_> = rows.collect();
            atrail_table::draw(Layout::Plain, &columns, &rows, self.columns)
        };
        // The rules of the two columns.
        const FRAME: usize = 7;
        let widest = properties.iter().map(|(name, _)| name.len()).max();
        let room = self
            .columns
            .map(|columns| columns.saturating_sub(widest.unwrap_or(0) + FRAME));
        let is_cut = |(name, value): &&(&str, String)| {
            UNBROKEN.contains(name) && room.is_some_and(|room| value.len() > room)
        };
        let (cut, rest): (Vec<_>, Vec<_>) = properties.iter().partition(is_cut);
        let below = cut
            .iter()
            .map(|(name, value)| format!("{name}:\n{}\n", safe::for_terminal(value)));
        table(&rest) + &below.collect::<String>()
    }

    /// Prints a sentence that is itself the answer; other formats hold it in a `message` member.
    pub(crate) fn answer(&self, sentence: &str) -> Result<()> {
        match self.format {
            Format::Table => self.data(&format!("{}\n", safe::for_terminal(sentence))),
            _ => self.properties(
                &[("message", sentence.to_owned())],
                &serde_json::json!({ "message": sentence }),
            ),
        }
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

/// Returns one record of RFC 4180, with its line end. It neutralizes cells that a spreadsheet could run as formulas, as
/// `download --as csv` does.
fn csv_record(cells: &[impl AsRef<str>]) -> String {
    record(cells, |_| false)
}

fn csv_row(columns: &[Column], cells: &[String]) -> String {
    record(cells, |at| columns.get(at).is_some_and(Column::is_verbatim))
}

fn record(cells: &[impl AsRef<str>], is_verbatim: impl Fn(usize) -> bool) -> String {
    let mut row = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        let cell = cell.as_ref();
        if at > 0 {
            row.push(b',');
        }
        // A negative number, and the sign for "nothing", begin as a formula does but are none.
        if is_verbatim(at) || cell == "-" || cell.parse::<i64>().is_ok() {
            write_csv_cell_verbatim(&mut row, cell);
        } else {
            write_csv_cell(&mut row, cell);
        }
    }
    row.extend_from_slice(b"\r\n");
    String::from_utf8_lossy(&row).into_owned()
}

fn csv_header(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|c| c.name().to_lowercase()).collect();
    csv_record(&names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_what_rfc_4180_wants_quoted() {
        assert_eq!(
            csv_record(&["a", "b,c", "d\"e", ""]),
            "a,\"b,c\",\"d\"\"e\",\r\n"
        );
    }

    #[test]
    fn a_name_is_no_formula_and_a_hash_or_a_number_stays() {
        let columns = [
            Column::text("Name"),
            Column::number("Days"),
            Column::verbatim("Hash"),
            Column::text("Number"),
        ];
        let row = ["=1+1", "-1", "+hash=", "-1"].map(str::to_owned);
        assert_eq!(csv_row(&columns, &row), "'=1+1,-1,+hash=,-1\r\n");
        assert_eq!(csv_record(&["@x", "-1", "-", "-x"]), "'@x,-1,-,'-x\r\n");
    }
}
