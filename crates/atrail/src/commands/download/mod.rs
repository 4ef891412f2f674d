//! `atrail download`: the bytes of a session, into a file or to standard output.

mod receipt;
mod to_file;
mod to_stdout;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_api::Session;
use atrail_evidence::{Expectations, HourRange, ScopeOf};
use atrail_export::{FORMATS, Format, IndexName, Options};
use atrail_model::{DayRange, Hours, SessionId};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::Serialize;

pub(crate) use receipt::beside as receipt_beside;

use super::{session, verify};
use crate::client::{Client, connect};
use crate::days::{DayDefault, ScopeFlags};
use crate::download::{Conversion, Plan, ScopeRecord};
use crate::error::{CliError, Result};
use crate::printer;
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
    let to_file = output.filter(|path| *path != Path::new("-"));
    if to_file.is_none() && settings.printer.format != printer::Format::Table {
        return Err(
            CliError::usage("--format is of what is said about a FILE, and there is none")
                .hint("--as says how the events are written; -o FILE keeps them in a file"),
        );
    }
    let conversion = conversion(&args)?;
    if args.verify && (to_file.is_none() || !keeps_lines(conversion.as_ref())) {
        return Err(
            CliError::usage("--verify is for a file with the stored gzip, or with ndjson")
                .hint("`atrail verify FILE` verifies it later, too"),
        );
    }
    let wanted = wanted(&args, settings.now())?;
    let client = connect(settings, wanted.needs_space()).await?;
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
    let session = to_file::run(settings, &client, &wanted, way).await?;
    if let Some(receipt) = receipt.as_ref().filter(|_| args.verify) {
        let asked = wanted.asked(&client);
        verify::downloaded(settings, path, receipt, asked).await?;
    }
    tell(settings, path, receipt.as_deref(), &session)
}

/// What a program wants to know of a file that is complete. (A person was told on the way.)
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

    /// What the receipt must be of, as far as that was said on the command line.
    fn asked(&self, client: &Client) -> Expectations {
        let Self::Scope(flags, days) = self else {
            return Expectations::default();
        };
        let hours = flags.search_time.unwrap_or(Hours::ALL);
        let space = client.target.space.as_ref();
        let space = space.filter(|_| !flags.at_account_level);
        Expectations {
            of: space.map(|space| ScopeOf::Space(space.guid.clone())),
            is_account: Some(flags.at_account_level),
            start: Some(days.start()),
            end: Some(days.end()),
            hours: Some(HourRange {
                first: hours.first().number(),
                last: hours.last().number(),
            }),
            ..Expectations::default()
        }
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
