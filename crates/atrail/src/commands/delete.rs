//! `atrail delete`: deletes events, after asking.

use atrail_api::{EventsQuery, paths};

use super::consent::Consent;
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
    atrail delete --day 2026-10 --yes",
    mut_arg("end", |arg| arg.help("Last day, inclusive"))
)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: ScopeFlags,
    /// Count the events, delete nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

/// Counts, asks and deletes.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let both_given = args.scope.days.are_both_given();
    if settings.spelling == Spelling::Own && !both_given {
        return Err(CliError::usage("missing: -s DAY and -e DAY, or --day DAY")
            .hint("a deletion names its first and its last day"));
    }
    // The original deleted two weeks when no days were given, and did not ask when both were. atrail always asks before
    // it deletes from a whole account.
    let days_agree = settings.spelling == Spelling::Original && both_given;
    let consent = Consent {
        yes: args.consent.yes || (days_agree && !args.scope.at_account_level),
    };
    if !args.dry_run {
        consent.must_be_possible(settings, "; --dry-run counts only")?;
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
        by: None,
    };
    if args.dry_run {
        let counted = ask_server(&client, &query, true).await?;
        return settings.printer.answer(&counted);
    }
    let target = client.target.describe(args.scope.at_account_level);
    let what = format!("{target}, {} to {}", days.start(), days.end());
    if !consent.yes {
        let counted = ask_server(&client, &query, true).await?;
        consent
            .ask(settings, &format!("{what}: {counted} Delete?"))
            .await?;
    }
    let sentence = ask_server(&client, &query, false).await?;
    match settings.printer.format {
        Format::Table => {
            if settings.spelling == Spelling::Own {
                settings.printer.note(&format!("{what}:"));
            }
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
