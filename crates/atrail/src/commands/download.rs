//! `atrail download`: writes the bytes of a session to a file or to standard output.

pub(super) mod receipt;
mod summary;
mod to_file;
mod to_stdout;
mod wanted;

use std::path::{Path, PathBuf};

use atrail_api::Session;
use atrail_export::{Columns, FORMATS, Format, IndexName, Options};
use atrail_model::DayRange;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::session::{SessionWord, Since};
use super::verify;
use crate::client::connect;
use crate::days::{DayDefault, ScopeFlags};
use crate::download::Conversion;
use crate::error::{CliError, Result};
use crate::printer;
use crate::settings::Settings;
use crate::task::until_interrupted;
use summary::DONE;
use to_file::Done;
use wanted::Wanted;

/// Download a session, or days; run again, it resumes after an interruption
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail download -o events.json.gz 32c657c5-31c0-4a3c-a139-b380871c737a\n  \
    atrail download --day yesterday -o yesterday.json.gz --verify\n  \
    atrail download -s 7d -o week.json.gz --since last-week.json.gz.receipt --verify\n  \
    atrail download --day yesterday | gunzip | head\n  \
    atrail download --day yesterday --as csv -o yesterday.csv",
    mut_arg("start", |arg| arg.help(crate::days::START_HELP_ONE_DAY))
)]
pub(crate) struct Args {
    /// File to write; `-`, or no -o when the output is no terminal, writes the gzip to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Id of the session, or the beginning of it; - for the last one made. Without it, atrail makes a session of the given
    /// days and ends it
    #[arg(value_name = "SESSION")]
    session: Option<SessionWord>,
    #[command(flatten)]
    scope: ScopeFlags,
    /// Write the events in another format than the stored gzip
    #[arg(long = "as", value_name = "FORMAT", value_parser = formats())]
    target_format: Option<&'static Format>,
    /// Name of the index, with es-bulk [default: activity-tracker]
    #[arg(long, value_name = "NAME", requires = "target_format")]
    index: Option<IndexName>,
    /// Columns in their order, with csv, such as time,action,initiator.name [default: all]
    #[arg(long, value_name = "NAMES", requires = "target_format")]
    columns: Option<Columns>,
    /// File for the receipt [default: FILE.receipt, for the stored gzip and ndjson]
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// An earlier receipt: the new receipt then proves that the logs have only grown since, and --verify checks it
    #[arg(long, value_name = "RECEIPT", conflicts_with = "session")]
    since: Option<PathBuf>,
    /// Verify FILE against its receipt when it is complete, as `atrail verify` does
    #[arg(long, requires = "output")]
    verify: bool,
    /// Replace FILE, FILE.part and the receipt without checking what they are
    #[arg(long)]
    force: bool,
}

fn formats() -> impl TypedValueParser<Value = &'static Format> {
    let names = FORMATS
        .iter()
        .map(|format| PossibleValue::new(format.name).help(format.about));
    PossibleValuesParser::new(names).try_map(|name| name.parse())
}

/// Runs the download.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let stdout_is_terminal = settings.printer.terminals.stdout;
    let output = args.output.as_deref();
    if output == Some(Path::new("-")) && stdout_is_terminal {
        return Err(CliError::usage(
            "`-o -` writes binary data, and standard output is a terminal",
        )
        .hint("leave out `-o -` to see the events, or send the output to a file or a pipe"));
    }
    let to_file = output.filter(|path| *path != Path::new("-"));
    if to_file.is_none() && settings.printer.format != printer::Format::Table {
        return Err(CliError::usage(
            "--format applies to the report about a FILE, and there is no FILE",
        )
        .hint("--as selects the format of the events; -o FILE writes them to a file"));
    }
    let conversion = conversion(&args)?;
    if args.verify && (to_file.is_none() || !keeps_lines(conversion.as_ref())) {
        return Err(
            CliError::usage("--verify needs a FILE with the stored gzip or with ndjson")
                .hint("`atrail verify FILE` can also verify it later"),
        );
    }
    let days = days(&args, settings.now())?;
    let since = args.since.as_deref().map(Since::read).transpose()?;
    let (client, wanted) = until_interrupted(async {
        let needs_space = args.session.is_none() && !args.scope.at_account_level;
        let client = connect(settings, needs_space).await?;
        let wanted = match (args.session.clone(), days) {
            (Some(word), _) => Wanted::Session(word.resolve(settings, &client).await?),
            (None, days) => Wanted::Scope(args.scope, days, since),
        };
        Ok((client, wanted))
    })
    .await?;
    let Some(path) = to_file else {
        let receipt = args.receipt.as_deref();
        return to_stdout::run(settings, &client, &wanted, conversion, receipt).await;
    };
    let receipt = args
        .receipt
        .or_else(|| keeps_lines(conversion.as_ref()).then(|| receipt::beside(path)));
    let way = to_file::Way {
        target: path,
        receipt: receipt.clone(),
        conversion,
        force: args.force,
    };
    let Done {
        session,
        was_complete,
    } = to_file::run(settings, &client, &wanted, way).await?;
    if !was_complete {
        let size = std::fs::metadata(path).map(|metadata| metadata.len()).ok();
        let receipt = receipt.as_deref().filter(|receipt| receipt.exists());
        summary::print(settings, Some(path), &session, size, receipt);
    }
    if let Some(receipt) = receipt.as_ref().filter(|_| args.verify) {
        let asked = wanted.asked(&client);
        until_interrupted(verify::downloaded(settings, path, receipt, asked)).await?;
    }
    if !was_complete {
        settings.printer.note(DONE);
    }
    tell(settings, path, receipt.as_deref(), &session)
}

/// A completed file, for programs. (A person has already read the progress messages.)
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Downloaded {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
    session: String,
    events: u64,
    total_bytes: u64,
    etag: String,
}

fn tell(settings: &Settings, path: &Path, receipt: Option<&Path>, session: &Session) -> Result<()> {
    if settings.printer.format == printer::Format::Table {
        return Ok(());
    }
    let downloaded = Downloaded {
        file: path.display().to_string(),
        receipt: receipt.map(|path| path.display().to_string()),
        session: session.id.clone(),
        events: session.events,
        total_bytes: session.total_bytes,
        etag: session.etag.clone(),
    };
    let properties = [
        ("file", downloaded.file.clone()),
        ("receipt", downloaded.receipt.clone().unwrap_or_default()),
        ("session", downloaded.session.clone()),
        ("events", downloaded.events.to_string()),
        ("total-bytes", downloaded.total_bytes.to_string()),
        ("etag", downloaded.etag.clone()),
    ];
    settings.printer.properties(&properties, &downloaded)
}

/// Returns whether the output can be verified: it holds the events' lines as they are stored, compressed or not.
fn keeps_lines(conversion: Option<&Conversion>) -> bool {
    conversion.is_none_or(|conversion| conversion.format.name == "ndjson")
}

fn conversion(args: &Args) -> Result<Option<Conversion>> {
    let Some(format) = args.target_format else {
        return Ok(None);
    };
    if args.index.is_some() && !format.uses_index {
        return Err(
            CliError::usage(format!("--index cannot be used with --as {}", format.name))
                .hint("only es-bulk names an index"),
        );
    }
    if args.columns.is_some() && !format.uses_columns {
        return Err(CliError::usage(format!(
            "--columns cannot be used with --as {}",
            format.name
        ))
        .hint("only csv has columns"));
    }
    let options = Options {
        index: args.index.clone().unwrap_or_default(),
        columns: args.columns.clone().unwrap_or_default(),
    };
    Ok(Some(Conversion { format, options }))
}

/// Returns the days of a download without a session; those of a session were fixed when it was made.
fn days(args: &Args, now: atrail_model::Timestamp) -> Result<DayRange> {
    match &args.session {
        Some(_) if args.scope.is_any_given() => Err(CliError::usage(
            "SESSION cannot be used with -s, -e, --day, -T or -a",
        )
        .hint("a session's days were fixed when it was made")),
        None if !args.scope.is_any_given() => Err(CliError::usage(
            "missing: SESSION, or days such as --day yesterday",
        )
        .hint("`atrail session create` makes a session, `atrail session list` shows yours")),
        // Unused with a session.
        Some(_) | None => args.scope.days.resolve(DayDefault::OneDay, now),
    }
}
