//! What the command line asks for.

use std::path::{Path, PathBuf};

use atrail_export::Options;
use atrail_search::Query;
use atrail_search::query::Field;

use super::{Args, OrderWord, Unit};
use crate::commands::download::receipt::beside;
use crate::download::Conversion;
use crate::error::{CliError, Result};
use crate::printer;
use crate::settings::Settings;
use crate::when::Edge;

/// Hits that are shown without --limit.
const HITS: u64 = 100;
/// Values that are shown without --limit, and at most.
const VALUES: u64 = 20;
const VALUES_MAX: u64 = 1000;

/// What is asked.
#[derive(Debug)]
pub(super) struct Asked {
    /// The query.
    pub(super) query: Query,
    /// The times, unless all times of the files are meant.
    pub(super) times: Option<(Edge, Edge)>,
    /// Whether the whole account is asked.
    pub(super) at_account_level: bool,
    /// The files to search; none for the server.
    pub(super) files: Vec<PathBuf>,
    /// Whether files are verified.
    pub(super) are_verified: bool,
    /// What is to be shown.
    pub(super) wanted: Wanted,
    /// Whether to say what was read.
    pub(super) explains: bool,
    /// Whether no hit is a failure.
    pub(super) fail_empty: bool,
}

/// What is to be shown of the events that match.
#[derive(Debug)]
pub(super) enum Wanted {
    /// The events themselves.
    Hits {
        /// How many; `None` for all.
        limit: Option<u64>,
        order: OrderWord,
        output: Output,
    },
    /// Their number.
    Count,
    /// The most frequent values of a field, and how many of them.
    By(Field, usize),
    /// Their number by time.
    Histogram(Unit),
}

/// Where hits go.
#[derive(Debug)]
pub(super) enum Output {
    /// Standard output: as a table, or in another format of `--format`.
    Shown,
    /// Standard output, each event within its place.
    Places,
    /// Standard output, in this format.
    Stdout(Conversion),
    /// A file, in this format; whether it may replace another.
    File(PathBuf, Conversion, bool),
}

impl Asked {
    /// Checks the arguments.
    pub(super) fn read(settings: &Settings, args: Args) -> Result<Self> {
        refuse_negation(args.output.as_deref())?;
        if let Some(output) = &args.output {
            refuse_replacing(output, &args.file)?;
        }
        let query = parsed(&args.query.join(" "))?;
        let is_server = args.file.is_empty();
        let times = match is_server || args.when.is_any_given() {
            true => Some(args.when.resolve(settings.now())?),
            false => None,
        };
        Ok(Self {
            query,
            times,
            at_account_level: args.at_account_level,
            are_verified: !args.unverified,
            wanted: wanted(settings, &args)?,
            files: args.file,
            explains: args.explain,
            fail_empty: args.fail_empty,
        })
    }
}

/// Refuses `-outcome:success` that was meant as a negation: the command line reads it as `-o utcome:success`.
fn refuse_negation(output: Option<&Path>) -> Result<()> {
    let text = output.map(Path::to_string_lossy).unwrap_or_default();
    let is_negation = ["utcome:", "bserver."].iter();
    if !is_negation.clone().any(|name| text.starts_with(name)) {
        return Ok(());
    }
    Err(
        CliError::usage(format!("-o{text} would write a file of the name {text:?}")).hint(format!(
            "a negation as a condition: `-- -o{text}`, or 'NOT o{text}'"
        )),
    )
}

/// Refuses an output in the place of a searched file or of its receipt, whatever spelling names it: the evidence would be
/// gone.
fn refuse_replacing(output: &Path, files: &[PathBuf]) -> Result<()> {
    let Ok(there) = output.canonicalize() else {
        return Ok(());
    };
    let is_it = |path: &Path| path.canonicalize().is_ok_and(|path| path == there);
    let replaced = files
        .iter()
        .find(|file| is_it(file) || is_it(&beside(file)));
    replaced.map_or(Ok(()), |file| {
        Err(CliError::usage(format!(
            "-o {} would replace {}, which is searched, or its receipt",
            output.display(),
            file.display()
        ))
        .hint("choose another -o"))
    })
}

/// Reads a query, or says where it is wrong.
pub(in crate::commands) fn parsed(text: &str) -> Result<Query> {
    Query::parse(text).map_err(|error| {
        CliError::usage("the query cannot be read")
            .because(error.message)
            .pointing_at(text, error.column)
    })
}

fn wanted(settings: &Settings, args: &Args) -> Result<Wanted> {
    if args.count {
        return Ok(Wanted::Count);
    }
    if let Some(unit) = args.histogram {
        return Ok(Wanted::Histogram(unit));
    }
    if let Some(name) = &args.by {
        let field = Field::named(name).map_err(|error| {
            CliError::usage(format!("--by {name:?} names no field")).because(error)
        })?;
        let count = args.limit.unwrap_or(VALUES);
        if count > VALUES_MAX {
            return Err(CliError::usage(format!(
                "--by lists at most {} values",
                printer::grouped(VALUES_MAX)
            ))
            .hint("a query finds the events of any value"));
        }
        return Ok(Wanted::By(
            field,
            usize::try_from(count).unwrap_or(usize::MAX),
        ));
    }
    let output = output(settings, args)?;
    let is_shown = matches!(output, Output::Shown | Output::Places);
    let limit = match args.limit {
        Some(limit) => Some(limit),
        // Whoever asks for a file or a format wants the events, not a look at them.
        None => (is_shown && !args.all).then_some(HITS),
    };
    Ok(Wanted::Hits {
        limit,
        order: args.order,
        output,
    })
}

fn output(settings: &Settings, args: &Args) -> Result<Output> {
    if args.places {
        if settings.printer.format == printer::Format::Csv {
            return Err(CliError::usage("--places cannot be used with --format csv")
                .hint("--format jsonl or json print places"));
        }
        return Ok(Output::Places);
    }
    let conversion = match args.target_format {
        None => None,
        Some(format) => {
            let is_unused = [
                (
                    args.index.is_some() && !format.uses_index,
                    "--index",
                    "only es-bulk names an index",
                ),
                (
                    args.columns.is_some() && !format.uses_columns,
                    "--columns",
                    "only csv has columns",
                ),
            ];
            if let Some((_, flag, hint)) = is_unused.into_iter().find(|(is_unused, ..)| *is_unused)
            {
                let what = format!("{flag} cannot be used with --as {}", format.name);
                return Err(CliError::usage(what).hint(hint));
            }
            let options = Options {
                index: args.index.clone().unwrap_or_default(),
                columns: args.columns.clone().unwrap_or_default(),
            };
            Some(Conversion { format, options })
        }
    };
    let lines = || -> Result<Conversion> {
        let format = "ndjson"
            .parse()
            .map_err(|error: atrail_export::ParseFormatError| {
                CliError::failed("there is no format of lines").because(error)
            })?;
        let options = Options::default();
        Ok(Conversion { format, options })
    };
    let to_file = args
        .output
        .as_deref()
        .filter(|path| *path != Path::new("-"));
    if let Some(path) = to_file {
        let conversion = conversion.map_or_else(lines, Ok)?;
        return Ok(Output::File(path.to_owned(), conversion, args.force));
    }
    if conversion.is_none() && args.output.is_none() {
        return Ok(Output::Shown);
    }
    if settings.printer.format != printer::Format::Table {
        return Err(
            CliError::usage("--format and --as both select the format of the output")
                .hint("give one of them"),
        );
    }
    Ok(Output::Stdout(conversion.map_or_else(lines, Ok)?))
}
