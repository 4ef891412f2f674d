//! `atrail status`: counts the events of each day.

use atrail_api::{DaySummary, EventsQuery, paths};

use crate::client::{Call, Names, NamesOf, connect};
use crate::days::{DayDefault, DayFlags};
use crate::error::Result;
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;

/// Count events per day; the default is two weeks
///
/// SEARCHABLE says how much of a day has a search index: All, Some or None. Every event is found all the same, as soon as
/// it is acknowledged; without an index, the search reads the day's lines.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail status\n  atrail status -s 7d\n  atrail status --day 2026-11 -a --by space",
    mut_arg("start", |arg| arg.help(crate::days::START_HELP_TWO_WEEKS))
)]
pub(crate) struct Args {
    #[command(flatten)]
    days: DayFlags,
    /// The whole account: its own domain and every space
    #[arg(short = 'a', long)]
    at_account_level: bool,
    /// Count the events of each space, and of the account's own domain, by themselves
    #[arg(long, value_name = "WHAT", value_parser = ["space"], requires = "at_account_level")]
    by: Option<String>,
}

/// Fetches and prints.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let days = args.days.resolve(DayDefault::TwoWeeks, settings.now())?;
    let client = connect(settings, !args.at_account_level).await?;
    let query = EventsQuery {
        start: Some(days.start().to_string()),
        end: Some(days.end().to_string()),
        at_account_level: args.at_account_level.then_some(true),
        by: args.by.clone(),
        ..EventsQuery::default()
    };
    let call = Call::get(paths::EVENTS).query(&query)?;
    let (summaries, note): (Vec<DaySummary>, _) = client.json_and_note(call).await?;
    let kinds = [NamesOf::Spaces, NamesOf::OwnDomains];
    let kinds = &kinds[..if args.by.is_some() { 2 } else { 0 }];
    let names = Names::fetch(settings, &client, kinds).await;
    table(&summaries, args.by.is_some(), &names).print(&settings.printer)?;
    settings.printer.pass_on(note.as_deref());
    Ok(())
}

fn table<'a>(summaries: &'a [DaySummary], by_space: bool, names: &Names) -> Rows<&'a DaySummary> {
    let mut columns = vec![
        Column::text("Date"),
        Column::number("Count"),
        Column::number("Size"),
        Column::text("Types"),
        Column::text("Searchable"),
    ];
    if by_space {
        columns.push(Column::text("Space"));
    }
    let mut rows = Rows::new(Layout::Ruled, columns);
    for summary in summaries {
        let mut row = vec![
            summary.date.clone(),
            summary.count.to_string(),
            summary.size.to_string(),
            summary.types.join(", "),
            summary.searchable.clone(),
        ];
        if by_space {
            row.push(names.of(summary.space.as_deref().unwrap_or_default()));
        }
        rows.push(row, summary);
    }
    rows
}
