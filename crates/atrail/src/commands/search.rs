//! `atrail search`: finds and counts events by a query, on the server or in downloads.

mod ask;
mod chart;
mod counts;
mod files;
mod hits;
mod offline;
mod output_file;
mod said;
mod server;
mod shown;

use std::path::PathBuf;

use atrail_export::{Columns, FORMATS, Format, IndexName};
use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use self::ask::Asked;
pub(super) use self::ask::parsed;
use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::when::WhenFlags;

/// Find events: who did what to what, from where, with what outcome
///
/// Prints the newest hits: a table at a terminal, elsewhere the events themselves, one a line. Says how many match, and
/// how many of them it shows.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail search 'actor:ann action:delete -outcome:success' -s 2026-11-01\n  \
    atrail search action:delete --by actor\n  \
    atrail search outcome:failure --histogram hour --day yesterday\n  \
    atrail search from:10.0.0.0/8 -s 2026-11 --all -o november.csv --as csv\n  \
    atrail search actor:ann --file events.json.gz",
    after_long_help = "QUERY is made of conditions. All of them must hold, OR joins alternatives, - or NOT negates, \
    ( ) group.\n\n  \
    actor:ann  action:delete  target:bucket-7  outcome:failure  from:10.0.0.0/8  reason:403\n  \
    initiator.host.agent:curl*         any member of the event, by its path\n  \
    requestData.size:>1000             < <= > >= and [1 TO 9]\n  \
    target:/^vol-[0-9]+$/              a regular expression\n  \
    \"permission denied\"  denied        words anywhere in the event\n\n\
    Case never matters. Quote QUERY for the shell; one that begins with - follows --. docs/SEARCH.md describes the \
    whole language.\n\n\
    Example:\n  atrail search 'actor:ann action:delete -outcome:success' -s 2026-11-01\n  \
    atrail search action:delete --by actor\n  \
    atrail search outcome:failure --histogram hour --day yesterday\n  \
    atrail search from:10.0.0.0/8 -s 2026-11 --all -o november.csv --as csv\n  \
    atrail search actor:ann --file events.json.gz"
)]
pub(crate) struct Args {
    /// What to find, such as 'actor:ann action:delete'; without it, every event
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    #[command(flatten)]
    when: WhenFlags,
    /// The whole account: its own domain and every space
    #[arg(short = 'a', long, conflicts_with = "file")]
    at_account_level: bool,
    /// Search downloads in place of the server, and check them against their receipts; all of their days, unless days
    /// are given; - is standard input
    #[arg(long, value_name = "FILE", num_args = 1..)]
    file: Vec<PathBuf>,
    /// Do not check the files against their receipts
    #[arg(long, requires = "file")]
    unverified: bool,
    /// Show at most so many hits, or values [default: 100 hits, 20 values]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Show all hits
    #[arg(long, conflicts_with_all = ["limit", "count", "by", "histogram"])]
    all: bool,
    /// The order of the hits
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["count", "by", "histogram"])]
    order: OrderWord,
    /// Print only how many events match
    #[arg(long, conflicts_with_all = ["by", "histogram", "limit"])]
    count: bool,
    /// Print the most frequent values of a field, such as actor or initiator.host.address
    #[arg(long, value_name = "FIELD", conflicts_with = "histogram")]
    by: Option<String>,
    /// Print how many events match in each hour or day
    #[arg(long, value_enum, value_name = "UNIT", conflicts_with = "limit")]
    histogram: Option<Unit>,
    /// Write all hits, or those of --limit, to a file; `-` is standard output
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["count", "by", "histogram"])]
    output: Option<PathBuf>,
    /// Write the events in this format [default: ndjson]
    #[arg(long = "as", value_name = "FORMAT", value_parser = formats(), conflicts_with_all = ["count", "by", "histogram"])]
    target_format: Option<&'static Format>,
    /// Name of the index, with es-bulk [default: activity-tracker]
    #[arg(long, value_name = "NAME", requires = "target_format")]
    index: Option<IndexName>,
    /// Columns in their order, with csv, such as time,action,initiator.name [default: all]
    #[arg(long, value_name = "NAMES", requires = "target_format")]
    columns: Option<Columns>,
    /// Replace the file of -o
    #[arg(long, requires = "output")]
    force: bool,
    /// Print each event within its place: segment, index and leaf hash, by which `atrail prove` proves it; or file and line
    #[arg(long, conflicts_with_all = ["count", "by", "histogram", "output", "target_format"])]
    places: bool,
    /// Say what was read for the answer
    #[arg(long)]
    explain: bool,
    /// Exit with 1 when no event matches
    #[arg(long)]
    fail_empty: bool,
}

/// The order of hits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderWord {
    /// The newest event first.
    #[default]
    Newest,
    /// The oldest event first.
    Oldest,
}

/// The length of a histogram's buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unit {
    /// Hours.
    Hour,
    /// UTC days.
    Day,
}

fn formats() -> impl TypedValueParser<Value = &'static Format> {
    let names = FORMATS
        .iter()
        .map(|format| PossibleValue::new(format.name).help(format.about));
    PossibleValuesParser::new(names).try_map(|name| name.parse())
}

/// Searches and prints.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let asked = Asked::read(settings, args)?;
    let matched = match asked.files.is_empty() {
        true => server::run(settings, &asked).await?,
        false => files::run(settings, &asked).await?,
    };
    if matched == 0 && asked.fail_empty {
        return Err(CliError::failed("no event matches"));
    }
    Ok(())
}
