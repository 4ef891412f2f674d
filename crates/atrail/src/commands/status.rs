//! `atrail status`: counts the events of each day.

use atrail_api::{DaySummary, EventsQuery, paths};

use crate::client::{Call, connect};
use crate::days::{DayDefault, DayFlags};
use crate::error::Result;
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;

/// Count events per day; the default is two weeks
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail status\n  atrail status -s 2026-11-01 -e yesterday")]
pub(crate) struct Args {
    #[command(flatten)]
    days: DayFlags,
    /// The whole account: its own domain and every space
    #[arg(short = 'a', long)]
    at_account_level: bool,
}

/// Fetches and prints.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let days = args.days.resolve(DayDefault::TwoWeeks, settings.now())?;
    let client = connect(settings, !args.at_account_level).await?;
    let query = EventsQuery {
        start: Some(days.start().to_string()),
        end: Some(days.end().to_string()),
        at_account_level: args.at_account_level.then_some(true),
        ..EventsQuery::default()
    };
    let call = Call::get(paths::EVENTS).query(&query)?;
    let (summaries, note): (Vec<DaySummary>, _) = client.json_and_note(call).await?;
    table(&summaries).print(&settings.printer)?;
    settings.printer.pass_on(note.as_deref());
    Ok(())
}

fn table(summaries: &[DaySummary]) -> Rows<&DaySummary> {
    let columns = vec![
        Column::text("Date"),
        Column::number("Count"),
        Column::number("Size"),
        Column::text("Types"),
        Column::text("Searchable"),
    ];
    let mut rows = Rows::new(Layout::Ruled, columns);
    for summary in summaries {
        rows.push(
            vec![
                summary.date.clone(),
                summary.count.to_string(),
                summary.size.to_string(),
                summary.types.join(", "),
                summary.searchable.clone(),
            ],
            summary,
        );
    }
    rows
}
