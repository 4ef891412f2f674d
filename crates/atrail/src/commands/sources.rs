//! `atrail sources`: lists the formats of events that atrail converts, and shows what it would make of a file.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use atrail_model::event::admit;
use atrail_sources::{Candidate, Engine, Framing, OwnMapping, Refusal, Stream, Strictness};
use serde_json::{Value, json};

use super::trail::open;
use crate::error::{CliError, Exit, Result};
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// List the formats of events, and show what would become of a file
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  atrail sources list\n  atrail sources test -t kubernetes audit.log"
)]
pub(crate) enum Command {
    /// List the formats: the names for `--type`, and what identifies each
    #[command(
        after_help = "Example:\n  atrail sources list\n  atrail sources list --config /etc/atrail/atrail.toml"
    )]
    List {
        /// Add the mappings of this configuration file
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Show the events that a file would become, without a server; exit code 1 if some would be refused
    #[command(
        after_help = "Example:\n  atrail sources test -t kubernetes audit.log\n  \
        atrail sources test --config atrail.toml -t till --format jsonl till.log"
    )]
    Test {
        /// File with events, also as gzip or zstd; `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Format of the events; a name of `atrail sources list`
        #[arg(
            short = 't',
            long = "type",
            default_value = "auto",
            value_name = "TYPE"
        )]
        kind: String,
        /// Add the mappings of this configuration file
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Refuse what is no event of the format, in place of converting it as `generic`
        #[arg(long)]
        strict: bool,
    },
}

/// Runs the command; calls no server.
pub(crate) fn run(settings: &Settings, command: &Command) -> Result<()> {
    match command {
        Command::List { config } => list(settings, &engine(config.as_deref())?),
        Command::Test {
            file,
            kind,
            config,
            strict,
        } => {
            let engine = engine(config.as_deref())?;
            let kind = engine
                .kind(&kind.to_ascii_lowercase())
                .map_err(|error| CliError::usage(format!("`{kind}` is {error}")))?;
            let strictness = match strict {
                true => Strictness::Strict,
                false => Strictness::Lenient,
            };
            let stream = Stream::by(&engine, kind, Framing::Sniffed)
                .received_at(settings.now())
                .as_strict_as(strictness);
            test(settings, file, stream)
        }
    }
}

/// Returns the engine with the mappings of a configuration file.
fn engine(config: Option<&Path>) -> Result<Engine> {
    let Some(path) = config else {
        return Ok(Engine::embedded());
    };
    let what = || format!("the mappings in {} cannot be used", path.display());
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::unreadable(path, error).with_exit(Exit::Usage))?;
    let own = OwnMapping::all_in(&text).map_err(|error| CliError::usage(what()).because(error))?;
    Engine::with(&own).map_err(|error| CliError::usage(what()).because(error))
}

fn list(settings: &Settings, engine: &Engine) -> Result<()> {
    let columns = ["Name", "Type", "Format", "Recognised by"];
    let columns = columns.into_iter().map(Column::text).collect();
    let mut rows = Rows::new(Layout::Plain, columns);
    for format in engine.formats() {
        let types = [&[format.kind], format.aliases].concat();
        let row = [format.name, &types.join(", "), format.about, format.marks];
        let row = row.map(|cell| cell.replace('`', "")).to_vec();
        let thing = json!({
            "name": format.name, "types": types, "about": format.about, "marks": format.marks,
        });
        rows.push(row, thing);
    }
    rows.print(&settings.printer)
}

fn test(settings: &Settings, path: &PathBuf, mut stream: Stream) -> Result<()> {
    let (mut source, _) = open(Some(path))?;
    let columns = [
        Column::number("Line"),
        Column::text("Format"),
        Column::text("Time"),
        Column::text("Action"),
        Column::text("Outcome"),
        Column::text("Initiator"),
        Column::text("Target"),
    ];
    let mut rows = Rows::new(Layout::Plain, columns.into());
    let mut counts = BTreeMap::<String, u64>::new();
    let mut refused = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let failed = |error| CliError::unreadable(path, error);
        let count = source.read(&mut chunk).map_err(failed)?;
        if count == 0 {
            stream.finish();
        } else {
            stream.feed(&chunk[..count]);
        }
        while let Some(item) = stream.next_item() {
            match result(item, settings) {
                Ok((line, format, event)) => {
                    *counts.entry(format.clone()).or_default() += 1;
                    rows.push(
                        row(line, &format, &event),
                        json!({
                            "line": line, "format": format, "event": event,
                        }),
                    );
                }
                Err((line, reason)) => {
                    refused += 1;
                    settings
                        .printer
                        .warn(&format!("line {line} would be refused: {reason}"));
                    let mut cells = vec![line.to_string(), "refused".to_owned()];
                    cells.resize(7, String::new());
                    rows.push(cells, json!({"line": line, "error": reason}));
                }
            }
        }
        if count == 0 {
            break;
        }
    }
    rows.print(&settings.printer)?;
    let counts: Vec<_> = counts
        .iter()
        .map(|(format, count)| format!("{count} {format}"))
        .collect();
    settings.printer.note(&match counts.as_slice() {
        [] => "no event".to_owned(),
        counts => format!("events: {}", counts.join(", ")),
    });
    match refused {
        0 => Ok(()),
        _ => Err(CliError::failed(format!("{refused} would be refused"))),
    }
}

/// Returns the line, the format and the event that a server would store, or why it would refuse it.
fn result(
    item: std::result::Result<Candidate<'_>, Refusal>,
    settings: &Settings,
) -> std::result::Result<(u64, String, Value), (u64, String)> {
    let candidate = item.map_err(|refusal| (refusal.line, refusal.to_string()))?;
    let refuse = |reason: String| (candidate.line, reason);
    let event = admit(&candidate.text, settings.now(), || "(added)".to_owned());
    let event = event.map_err(|error| refuse(error.to_string()))?;
    let value = serde_json::from_slice(&event.line).map_err(|error| refuse(error.to_string()))?;
    Ok((candidate.line, candidate.origin.to_string(), value))
}

fn row(line: u64, format: &str, event: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let resource = |name: &str| {
        let resource = &event[name];
        let named = resource["name"].as_str().or(resource["id"].as_str());
        let id = || text(&event[format!("{name}Id")]);
        named.map_or_else(id, str::to_owned)
    };
    vec![
        line.to_string(),
        format.to_owned(),
        text(&event["eventTime"]),
        text(&event["action"]),
        text(&event["outcome"]),
        resource("initiator"),
        resource("target"),
    ]
}
