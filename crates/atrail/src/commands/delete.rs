//! `atrail delete`: deletes events, after asking.

use atrail_api::{EventsQuery, paths};

use crate::client::{Call, Client, connect};
use crate::days::{DayDefault, ScopeFlags};
use crate::error::{CliError, Result};
use crate::printer::Format;
use crate::settings::Settings;
use crate::tool::Spelling;

/// Delete events; asks first
///
/// The first and the last day must both be given. Without a terminal, it needs --yes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail delete -s 2026-10-01 -e 2026-10-31 --dry-run\n  \
    atrail delete -s 2026-10-01 -e 2026-10-31 --yes"
)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: ScopeFlags,
    /// Count the events, delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Counts, asks and deletes.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let both_given = args.scope.days.are_both_given();
    if settings.spelling == Spelling::Own && !both_given {
        return Err(CliError::usage("missing: -s DAY and -e DAY")
            .hint("a deletion names its first and its last day"));
    }
    // The original deleted two weeks when no days were given, and did not ask when both were. atrail always asks before
    // it deletes from a whole account.
    let days_agree = settings.spelling == Spelling::Original && both_given;
    let agreed = args.yes || (days_agree && !args.scope.at_account_level);
    if !agreed && !args.dry_run && !settings.printer.can_ask() {
        return Err(CliError::usage("missing: --yes")
            .hint("this is no terminal, so nothing can be asked; --dry-run counts only"));
    }
    let now = settings.now();
    let days = args.scope.days.resolve(DayDefault::TwoWeeks, now)?;
    let client = connect(settings, !args.scope.at_account_level).await?;
    let query = EventsQuery {
        start: Some(days.start().to_string()),
        end: Some(days.end().to_string()),
        at_account_level: args.scope.at_account_level.then_some(true),
        search_time: args.scope.search_time.map(|hours| hours.to_string()),
        dry_run: None,
    };
    if args.dry_run {
        let counted = ask_server(&client, &query, true).await?;
        return settings.printer.answer(&counted);
    }
    if !agreed {
        let counted = ask_server(&client, &query, true).await?;
        let target = client.target.describe(args.scope.at_account_level);
        let (start, end) = (days.start(), days.end());
        confirm(settings, &format!("{target}, {start} to {end}: {counted}")).await?;
    }
    let sentence = ask_server(&client, &query, false).await?;
    match settings.printer.format {
        Format::Table => {
            settings.printer.answer("Deleted successfully")?;
            settings.printer.answer(&format!("\"{sentence}\""))
        }
        _ => settings.printer.answer(&sentence),
    }
}

async fn ask_server(client: &Client, query: &EventsQuery, dry_run: bool) -> Result<String> {
    let query = EventsQuery {
        dry_run: dry_run.then_some(true),
        ..query.clone()
    };
    client
        .json(Call::delete(paths::EVENTS).query(&query)?)
        .await
}

async fn confirm(settings: &Settings, what: &str) -> Result<()> {
    if settings.printer.agrees(&format!("{what} Delete?")).await? {
        return Ok(());
    }
    Err(CliError::failed("nothing was deleted").because("the answer was not yes"))
}
