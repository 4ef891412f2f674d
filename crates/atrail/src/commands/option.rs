//! `atrail option`: shows or sets how long events are kept.

use atrail_api::{ErrorCode, EventsQuery, OptionRow, OptionsRequest, paths};
use atrail_model::{Day, Retention, Timestamp};

use super::consent::Consent;
use crate::client::{Call, Client, Names, NamesOf, connect};
use crate::error::{CliError, Result};
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;
use crate::tool::Spelling;

/// Show how long events are kept, or set it with -r
///
/// The server deletes older whole days within minutes, and records it; a legal hold prevents it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail option\n  atrail option -r 365\n  atrail option -r -1 -a",
    mut_arg("yes", |arg| arg.help("Do not ask before a retention is shortened"))
)]
pub(crate) struct Args {
    /// Keep events for this many days from now on; -1 keeps them for ever
    #[arg(short, long, value_name = "DAYS", allow_negative_numbers = true, value_parser = parse)]
    retention: Option<Retention>,
    /// The whole account: its own domain and every space
    #[arg(short = 'a', long)]
    at_account_level: bool,
    #[command(flatten)]
    consent: Consent,
}

/// Shows the retention, or sets and shows it.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let Args {
        retention,
        at_account_level,
        consent,
    } = args;
    let client = connect(settings, !at_account_level).await?;
    let shown = OptionsRequest {
        retention: None,
        at_account_level: at_account_level.then_some(true),
    };
    let (rows, note) = match retention {
        None => ask_server(&client, &shown).await?,
        Some(retention) => {
            // The original did not ask.
            if !consent.yes && settings.spelling == Spelling::Own {
                let (now, _) = ask_server(&client, &shown).await?;
                let change = (retention, at_account_level);
                agree(settings, &client, &now, change, consent).await?;
            }
            let wanted = OptionsRequest {
                retention: Some(retention.number()),
                ..shown
            };
            client
                .json_and_note(Call::put(paths::OPTIONS).json(&wanted)?)
                .await?
        }
    };
    let kinds = [NamesOf::Spaces, NamesOf::OwnDomains];
    let kinds = &kinds[..if at_account_level { 2 } else { 1 }];
    let names = Names::fetch(settings, &client, kinds).await;
    table(&rows, settings.shows_names(), &names).print(&settings.printer)?;
    settings.printer.pass_on(note.as_deref());
    Ok(())
}

async fn ask_server(
    client: &Client,
    request: &OptionsRequest,
) -> Result<(Vec<OptionRow>, Option<String>)> {
    let call = Call::get(paths::OPTIONS).query(request)?;
    client.json_and_note(call).await
}

/// Asks when the change would shorten a retention. The question names the events that would be deleted at once.
async fn agree(
    settings: &Settings,
    client: &Client,
    now: &[OptionRow],
    (wanted, at_account_level): (Retention, bool),
    consent: Consent,
) -> Result<()> {
    let Some(longest) = longest_cut(now, wanted)? else {
        return Ok(());
    };
    let due = match last_due(settings.now(), wanted) {
        None => "deletes nothing now".to_owned(),
        Some(last) => match count(client, last, at_account_level).await {
            Ok(counted) => deletes(&counted),
            // The roles that may delete events are those that may set retention: the server refuses the change as well,
            // and its refusal names the change.
            Err(error) if error.refusal() == Some(ErrorCode::Forbidden) => return Ok(()),
            Err(error) if error.refusal() == Some(ErrorCode::LegalHold) => {
                "deletes nothing while a legal hold stands, and what is due as soon as it is released".to_owned()
            }
            Err(error) => return Err(error),
        },
    };
    let target = client.target.describe(at_account_level);
    let change = format!("this shortens retention of {target} from {longest} to {wanted} ({due})");
    consent.ask_or_refuse(settings, &change).await
}

/// Returns the server's sentence about a deletion of every day up to this one, which it does not make.
async fn count(client: &Client, last: Day, at_account_level: bool) -> Result<String> {
    let query = EventsQuery {
        start: Some(Day::FIRST.to_string()),
        end: Some(last.to_string()),
        at_account_level: at_account_level.then_some(true),
        search_time: None,
        dry_run: Some(true),
        by: None,
    };
    client
        .json(Call::delete(paths::EVENTS).query(&query)?)
        .await
}

/// Says what a change deletes at once, from the server's sentence about it: `6 logs would be deleted, freeing 9 bytes.`
fn deletes(counted: &str) -> String {
    match counted.split_once(" logs would be deleted") {
        Some(("0", _)) => "deletes nothing now".to_owned(),
        Some(("1", rest)) => format!("deletes 1 event now{}", rest.trim_end_matches('.')),
        Some((count, rest)) => format!("deletes {count} events now{}", rest.trim_end_matches('.')),
        None => counted.trim_end_matches('.').to_owned(),
    }
}

/// Returns the last day that is due for deletion as soon as this retention is set.
pub(super) fn last_due(now: Timestamp, retention: Retention) -> Option<Day> {
    let Retention::Days(days) = retention else {
        return None;
    };
    let today = Day::of(now)?.number();
    Day::from_number(today.checked_sub(days.get().checked_add(1)?)?)
}

/// Returns the retention that the server states.
pub(super) fn retention_of(row: &OptionRow) -> Result<Retention> {
    Retention::try_from(row.retention).map_err(|error| {
        CliError::failed("the server's answer cannot be understood").because(error)
    })
}

/// Returns the longest current retention, if it is longer than the wanted one.
fn longest_cut(now: &[OptionRow], wanted: Retention) -> Result<Option<Retention>> {
    let mut longest = None;
    for row in now {
        let current = retention_of(row)?;
        longest = longest.max((current > wanted).then_some(current));
    }
    Ok(longest)
}

fn table<'a>(rows: &'a [OptionRow], is_named: bool, names: &Names) -> Rows<&'a OptionRow> {
    let space = if is_named { "Space" } else { "SpaceID" };
    let columns = vec![Column::text(space), Column::number("Retention")];
    let mut table = Rows::new(Layout::Ruled, columns);
    for row in rows {
        table.push(vec![names.of(&row.space), row.retention.to_string()], row);
    }
    table
}

fn parse(text: &str) -> Result<Retention, String> {
    let wrong = "expected a whole number of days, at least 1, or -1 for ever";
    let number: i64 = text.parse().map_err(|_| wrong)?;
    Retention::try_from(number).map_err(|_| wrong.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(retention: i64) -> OptionRow {
        OptionRow {
            space: "s".to_owned(),
            retention,
        }
    }

    #[test]
    fn only_what_becomes_shorter_is_asked_about() {
        let days = |number: i64| Retention::try_from(number).unwrap();
        for (now, wanted, cut) in [
            (vec![-1], 30, Some(-1)),
            (vec![30], 30, None),
            (vec![30], -1, None),
            (vec![7, 60, 30], 30, Some(60)),
            (vec![60, -1], 30, Some(-1)),
            (vec![], 1, None),
        ] {
            let now: Vec<_> = now.into_iter().map(row).collect();
            let found = longest_cut(&now, days(wanted)).unwrap();
            assert_eq!(found.map(Retention::number), cut, "{now:?} {wanted}");
        }
    }

    #[test]
    fn what_is_deleted_at_once_is_said_in_few_words() {
        assert_eq!(
            deletes("0 logs would be deleted, freeing 0 bytes."),
            "deletes nothing now"
        );
        assert_eq!(
            deletes("60 logs would be deleted, freeing 9 bytes."),
            "deletes 60 events now, freeing 9 bytes"
        );
        assert_eq!(deletes("something else."), "something else");
    }

    #[test]
    fn days_or_minus_one() {
        assert_eq!(parse("-1"), Ok(Retention::Forever));
        for wrong in ["0", "-2", "1.5", "30d", "", "99999999999999999999"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
