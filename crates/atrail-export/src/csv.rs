//! Comma-separated values (RFC 4180): one row for each event, with the event itself in the last column.

pub(crate) mod cell;
pub(crate) mod columns;

use std::borrow::Cow;
use std::io::{self, Write};

use atrail_model::event::read_event_time;
use atrail_model::format_timestamp;

use self::columns::{Chosen, Columns};
use crate::event::{Object, text_of};
use crate::{EventFault, Failure, Format, Shape};

pub(crate) const FORMAT: Format = Format {
    name: "csv",
    about: "one row for each event, safe to open in a spreadsheet (RFC 4180)",
    uses_index: false,
    uses_columns: true,
    shape: |options| {
        Box::new(Csv {
            columns: options.columns,
            row: Vec::new(),
        })
    },
};

/// The columns between `time`, which is computed, and `event`, which is the stored line. Their names are those of the
/// members (DSP0262, section 6). New columns go before `event`: scripts rely on the position of the others.
static COLUMNS: [Column; 23] = [
    Column("eventTime", &[(Part::Event, "eventTime")]),
    Column("id", &[(Part::Event, "id")]),
    Column("eventType", &[(Part::Event, "eventType")]),
    Column("action", &[(Part::Event, "action")]),
    Column("outcome", &[(Part::Event, "outcome")]),
    Column("severity", &[(Part::Event, "severity")]),
    Column(
        "initiator.id",
        &[(Part::Initiator, "id"), (Part::Event, "initiatorId")],
    ),
    Column("initiator.name", &[(Part::Initiator, "name")]),
    Column("initiator.typeURI", &[(Part::Initiator, "typeURI")]),
    Column("initiator.host.address", &[(Part::Host, "address")]),
    Column("initiator.host.agent", &[(Part::Host, "agent")]),
    Column("initiator.project_id", &[(Part::Initiator, "project_id")]),
    Column(
        "target.id",
        &[(Part::Target, "id"), (Part::Event, "targetId")],
    ),
    Column("target.name", &[(Part::Target, "name")]),
    Column("target.typeURI", &[(Part::Target, "typeURI")]),
    Column("target.project_id", &[(Part::Target, "project_id")]),
    Column(
        "observer.id",
        &[(Part::Observer, "id"), (Part::Event, "observerId")],
    ),
    Column("observer.name", &[(Part::Observer, "name")]),
    Column("observer.typeURI", &[(Part::Observer, "typeURI")]),
    Column("reason.reasonCode", &[(Part::Reason, "reasonCode")]),
    Column("reason.reasonType", &[(Part::Reason, "reasonType")]),
    Column("requestPath", &[(Part::Event, "requestPath")]),
    Column("message", &[(Part::Event, "message")]),
];

/// A column's name, and the members that may supply its value: the first that exists does.
#[derive(Debug)]
struct Column(&'static str, &'static [(Part, &'static str)]);

/// The objects of an event that supply values.
#[derive(Debug, Clone, Copy)]
enum Part {
    Event,
    Initiator,
    /// The initiator's `host`.
    Host,
    Target,
    Observer,
    Reason,
}

struct Csv {
    columns: Columns,
    row: Vec<u8>,
}

impl Shape for Csv {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let names: Vec<_> = self.columns.iter().map(Chosen::name).collect();
        write!(out, "{}\r\n", names.join(","))
    }

    fn event(&mut self, line: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
        let parts = Parts::of(Object::of_line(line)?);
        let row = &mut self.row;
        row.clear();
        for (place, column) in self.columns.iter().enumerate() {
            if place > 0 {
                row.push(b',');
            }
            match column {
                Chosen::Time => row.extend(parts.time().unwrap_or_default().bytes()),
                Chosen::Member(Column(_, places)) => cell::write(row, &parts.cell(places)),
                // The line begins with a brace, so no spreadsheet reads it as a formula. It stays the text that its
                // leaf hash covers.
                Chosen::Event => cell::write_quoted(row, line),
            }
        }
        row.extend_from_slice(b"\r\n");
        out.write_all(row)?;
        Ok(())
    }
}

/// Returns the cells of an event's row, without the quotes and apostrophes that files need.
///
/// # Errors
/// When the line is not an event.
pub fn cells(line: &[u8], columns: &Columns) -> Result<Vec<String>, EventFault> {
    let parts = Parts::of(Object::of_line(line)?);
    let cells = columns.iter().map(|column| match column {
        Chosen::Time => parts.time().unwrap_or_default(),
        Chosen::Member(Column(_, places)) => parts.cell(places).into_owned(),
        Chosen::Event => String::from_utf8_lossy(line).into_owned(),
    });
    Ok(cells.collect())
}

/// An event's objects, each read once.
struct Parts<'a> {
    event: Object<'a>,
    initiator: Object<'a>,
    host: Object<'a>,
    target: Object<'a>,
    observer: Object<'a>,
    reason: Object<'a>,
}

impl<'a> Parts<'a> {
    fn of(event: Object<'a>) -> Self {
        let initiator = event.object("initiator");
        Self {
            host: initiator.object("host"),
            target: event.object("target"),
            observer: event.object("observer"),
            reason: event.object("reason"),
            initiator,
            event,
        }
    }

    /// Returns the event's time in UTC, always of the same length, so that times sort as text. Returns `None` for an
    /// unreadable time.
    fn time(&self) -> Option<String> {
        let written = self.event.get("eventTime")?;
        read_event_time(&text_of(written)).map(format_timestamp)
    }

    /// Returns a cell's text: a string unescaped, null as empty, any other value as its JSON text.
    fn cell(&self, places: &[(Part, &'static str)]) -> Cow<'a, str> {
        let value = places
            .iter()
            .find_map(|(part, name)| self.part(*part).get(name).filter(|value| *value != "null"));
        value.map(text_of).unwrap_or_default()
    }

    const fn part(&self, part: Part) -> &Object<'a> {
        match part {
            Part::Event => &self.event,
            Part::Initiator => &self.initiator,
            Part::Host => &self.host,
            Part::Target => &self.target,
            Part::Observer => &self.observer,
            Part::Reason => &self.reason,
        }
    }
}
