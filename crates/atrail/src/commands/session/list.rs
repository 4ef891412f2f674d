//! `atrail session list`: lists the user's own sessions.

use atrail_api::{Session, paths};

use crate::client::{Call, Names, NamesOf, connect};
use crate::error::Result;
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;
use crate::tool::Spelling;

/// List your sessions in the targeted space
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail session list\n  atrail session list --format jsonl")]
pub(crate) struct Args {}

/// Fetches and prints.
pub(super) async fn run(settings: &Settings, _: Args) -> Result<()> {
    let client = connect(settings, true).await?;
    let sessions: Vec<Session> = client.json(Call::get(paths::SESSIONS)).await?;
    let names = Names::fetch(settings, &client, &[NamesOf::Spaces]).await;
    table(&sessions, settings.spelling, &names).print(&settings.printer)
}

fn table<'a>(sessions: &'a [Session], spelling: Spelling, names: &Names) -> Rows<&'a Session> {
    let mut columns = vec!["Id", "Space", "Username", "Create-time", "Access-time"];
    if spelling == Spelling::Own {
        columns.extend([
            "State",
            "Events",
            "Total-bytes",
            "Downloaded-bytes",
            "Expire-time",
        ]);
    }
    let columns = columns.into_iter().map(Column::text).collect();
    let mut rows = Rows::new(Layout::Plain, columns);
    for session in sessions {
        let mut row = vec![
            session.id.clone(),
            names.of(&session.space),
            session.username.clone(),
            session.create_time.clone(),
            session.access_time.clone(),
        ];
        if spelling == Spelling::Own {
            row.extend([
                super::one::compact(&session.state)
                    .trim_matches('"')
                    .to_owned(),
                session.events.to_string(),
                session.total_bytes.to_string(),
                session.downloaded_bytes.to_string(),
                session.expire_time.clone(),
            ]);
        }
        rows.push(row, session);
    }
    rows
}
