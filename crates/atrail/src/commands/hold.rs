//! `atrail hold`: manages legal holds, which block every deletion.

mod due;

use atrail_api::{HoldRequest, HoldRow, paths};

use super::consent::Consent;
use crate::client::{Call, Client, Names, NamesOf, connect};
use crate::error::Result;
use crate::printer::{Column, Layout, Rows};
use crate::settings::Settings;

/// Set, list and release legal holds, which prevent every deletion
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail hold set --reason \"case 4711\"\n  atrail hold list -a")]
pub(crate) enum Command {
    /// Forbid every deletion, by request and by retention
    #[command(after_help = "Example:\n  atrail hold set --reason \"case 4711\" -a")]
    Set {
        /// The reason, which the server records
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        level: Level,
    },
    /// List the holds in force
    #[command(after_help = "Example:\n  atrail hold list -a")]
    List {
        #[command(flatten)]
        level: Level,
    },
    /// End the hold; asks first
    ///
    /// Retention deletes within minutes what became due under the hold. The question says how much. Without a terminal,
    /// it needs --yes.
    #[command(
        after_help = "Example:\n  atrail hold release --reason \"case 4711 is closed\" --yes"
    )]
    Release {
        /// The reason, which the server records
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        level: Level,
        #[command(flatten)]
        consent: Consent,
    },
}

/// The domain or the account that the hold covers.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Level {
    /// The whole account: its own domain and every space, including later ones
    #[arg(short = 'a', long)]
    at_account_level: bool,
}

/// Runs the command, and shows the holds that are then in force.
pub(crate) async fn run(settings: &Settings, command: Command) -> Result<()> {
    let (level, reason) = match &command {
        Command::Set { level, reason } => (level, Some(reason.clone())),
        Command::List { level } => (level, None),
        Command::Release { level, reason, .. } => (level, reason.clone()),
    };
    let request = HoldRequest {
        reason,
        at_account_level: level.at_account_level.then_some(true),
    };
    let client = connect(settings, !level.at_account_level).await?;
    if let Command::Release { consent, .. } = &command
        && !consent.yes
    {
        agree(settings, &client, level.at_account_level, *consent).await?;
    }
    let call = match command {
        Command::Set { .. } => Call::post(paths::HOLDS).json(&request)?,
        Command::List { .. } => Call::get(paths::HOLDS).query(&request)?,
        Command::Release { .. } => Call::delete(paths::HOLDS).json(&request)?,
    };
    let rows: Vec<HoldRow> = client.json(call).await?;
    let kinds = [NamesOf::Spaces, NamesOf::OwnDomains];
    let kinds = &kinds[..if level.at_account_level { 2 } else { 1 }];
    let names = Names::fetch(settings, &client, kinds).await;
    table(&rows, &names).print(&settings.printer)
}

/// Asks before the hold is released, and says what retention deletes then.
async fn agree(
    settings: &Settings,
    client: &Client,
    at_account_level: bool,
    consent: Consent,
) -> Result<()> {
    let due = due::on_release(settings.now(), client, at_account_level).await?;
    let target = client.target.describe(at_account_level);
    let change = format!("this releases the legal hold on {target} ({due})");
    consent.ask_or_refuse(settings, &change).await
}

fn table<'a>(rows: &'a [HoldRow], names: &Names) -> Rows<&'a HoldRow> {
    let columns = ["Space", "Level", "Since", "Set-by", "Reason"];
    let mut table = Rows::new(Layout::Plain, columns.map(Column::text).to_vec());
    for row in rows {
        let cells = [
            &names.of(&row.space),
            &row.level,
            &row.since,
            &row.actor,
            &row.reason,
        ];
        table.push(cells.map(String::clone).to_vec(), row);
    }
    table
}
