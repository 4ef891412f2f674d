//! `atrail download`: the bytes of a session, into a file or to standard output.

mod receipt;
mod to_file;
mod to_stdout;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_api::Session;
use atrail_export::{FORMATS, Format, IndexName, Options};
use atrail_model::{DayRange, SessionId};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

pub(crate) use receipt::beside as receipt_beside;

use super::{session, verify};
use crate::client::{Client, connect};
use crate::days::{DayDefault, ScopeFlags};
use crate::download::{Conversion, Plan, ScopeRecord};
use crate::error::{CliError, Result};
use crate::settings::Settings;

/// Download a session, or days; run again, it goes on where it was interrupted
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail download -o events.json.gz 32c657c5-31c0-4a3c-a139-b380871c737a\n  \
    atrail download -s yesterday -e yesterday -o yesterday.json.gz\n  \
    atrail download -s yesterday -o yesterday.json.gz --verify\n  \
    atrail download -s yesterday | gunzip | head\n  \
    atrail download -s yesterday --as csv -o yesterday.csv"
)]
pub(crate) struct Args {
    /// The file; `-`, or nothing off a terminal, writes the gzip to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Id of the session; without it, the days given are downloaded by a session made for it
    #[arg(value_name = "SESSION")]
    session: Option<SessionId>,
    #[command(flatten)]
    scope: ScopeFlags,
    /// Write the events in another format than the stored gzip
    #[arg(long = "as", value_name = "FORMAT", value_parser = formats())]
    target_format: Option<&'static Format>,
    /// With es-bulk: the index that the events are for [default: activity-tracker]
    #[arg(long, value_name = "NAME", requires = "target_format")]
    index: Option<IndexName>,
    /// Where the receipt goes [default: FILE.receipt, for the stored gzip and ndjson]
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Verify FILE against its receipt when it is complete, as `atrail verify` does
    #[arg(long, requires = "output")]
    verify: bool,
    /// Replace FILE, FILE.part and the receipt, whatever they are
    #[arg(long)]
    force: bool,
}

fn formats() -> impl TypedValueParser<Value = &'static Format> {
    let names = FORMATS
        .iter()
        .map(|format| PossibleValue::new(format.name).help(format.about));
    PossibleValuesParser::new(names).try_map(|name| name.parse())
}

/// Downloads.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let stdout_is_terminal = settings.printer.terminals.stdout;
    let output = args.output.as_deref();
    if output == Some(Path::new("-")) && stdout_is_terminal {
        return Err(CliError::usage(
            "`-o -` writes bytes as they are, which no terminal should get",
        )
        .hint("leave out `-o -` to see the events, or send the output to a file or a pipe"));
    }
    let conversion = conversion(&args)?;
    if args.verify && (output == Some(Path::new("-")) || !keeps_lines(conversion.as_ref())) {
        return Err(
            CliError::usage("--verify is for a file with the stored gzip, or with ndjson")
                .hint("`atrail verify FILE` verifies it later, too"),
        );
    }
    let wanted = wanted(&args, settings.now())?;
    let client = connect(settings, wanted.needs_space()).await?;
    match output {
        Some(path) if path != Path::new("-") => {
            let receipt = args
                .receipt
                .or_else(|| keeps_lines(conversion.as_ref()).then(|| receipt::beside(path)));
            let way = to_file::Way {
                target: path,
                receipt: receipt.clone(),
                conversion,
                force: args.force,
            };
            to_file::run(settings, &client, &wanted, way).await?;
            match receipt.filter(|_| args.verify) {
                Some(receipt) => verify::downloaded(settings, path, &receipt).await,
                None => Ok(()),
            }
        }
        _ => {
            let receipt = args.receipt.as_deref();
            to_stdout::run(settings, &client, &wanted, conversion, receipt).await
        }
    }
}

/// Whether what is written can be verified: the events' lines as they are stored, compressed or not.
fn keeps_lines(conversion: Option<&Conversion>) -> bool {
    conversion.is_none_or(|conversion| conversion.format.name == "ndjson")
}

fn conversion(args: &Args) -> Result<Option<Conversion>> {
    let Some(format) = args.target_format else {
        return Ok(None);
    };
    if args.index.is_some() && !format.uses_index {
        return Err(
            CliError::usage(format!("--index means nothing to --as {}", format.name))
                .hint("only es-bulk names an index"),
        );
    }
    let options = Options {
        index: args.index.clone().unwrap_or_default(),
    };
    Ok(Some(Conversion { format, options }))
}

/// What is to be downloaded.
#[derive(Debug)]
enum Wanted {
    /// A session that somebody made.
    Session(SessionId),
    /// Days, by a session that is made for it and ends with it.
    Scope(ScopeFlags, DayRange),
}

fn wanted(args: &Args, now: atrail_model::Timestamp) -> Result<Wanted> {
    match args.session {
        Some(_) if args.scope.is_any_given() => Err(CliError::usage(
            "SESSION cannot be used with -s, -e, -T or -a",
        )
        .hint("a session's days were fixed when it was made")),
        Some(id) => Ok(Wanted::Session(id)),
        None if !args.scope.is_any_given() => Err(CliError::usage(
            "missing: SESSION, or days such as -s yesterday",
        )
        .hint("`atrail session create` makes a session, `atrail session list` shows yours")),
        None => {
            let days = args.scope.days.resolve(DayDefault::OneDay, now)?;
            Ok(Wanted::Scope(args.scope, days))
        }
    }
}

impl Wanted {
    fn needs_space(&self) -> bool {
        matches!(self, Self::Scope(flags, _) if !flags.at_account_level)
    }

    /// What `FILE.part.json` says of a session that is made for this.
    fn record(&self, client: &Client) -> Option<ScopeRecord> {
        let Self::Scope(flags, days) = self else {
            return None;
        };
        let space = client.target.space.as_ref();
        Some(ScopeRecord {
            start: days.start().to_string(),
            end: days.end().to_string(),
            search_time: flags.search_time.map(|hours| hours.to_string()),
            at_account_level: flags.at_account_level,
            space: space.map(|space| space.guid.clone()).unwrap_or_default(),
        })
    }

    /// The session: the given one, or a new one.
    async fn session(&self, settings: &Settings, client: &Client) -> Result<Session> {
        match self {
            Self::Session(id) => session::fetch(client, *id).await,
            Self::Scope(flags, days) => session::create(settings, client, flags, *days).await,
        }
    }
}

/// Fetches what the session pins, and checks that it is what the session says.
async fn plan(client: &Client, session: &Session) -> Result<Arc<Plan>> {
    let manifest = session::manifest(client, id_of(session)?).await?;
    let plan = Plan::parse(&manifest, &session.etag)?;
    if plan.total != session.total_bytes {
        return Err(
            CliError::corrupt("the session and its manifest disagree").because(format!(
                "{} bytes and {} bytes",
                session.total_bytes, plan.total
            )),
        );
    }
    Ok(Arc::new(plan))
}

fn id_of(session: &Session) -> Result<SessionId> {
    super::checked_id(&session.id)
}

/// Ends a session that was made for this download. The bytes are safe: a failure is only told.
async fn end_own_session(settings: &Settings, client: &Client, id: SessionId) {
    if let Err(error) = session::end(client, id).await {
        settings.printer.warn(&format!(
            "warning: session {id} could not be deleted; it ends by itself ({error})"
        ));
    }
}

const DONE: &str = "Download completed successfully";
