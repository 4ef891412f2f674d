//! `atrail session create`: freezes a scope.

use std::path::PathBuf;

use atrail_api::{Session, SessionRequest, paths};
use atrail_model::DayRange;

use super::Since;
use crate::client::{Call, Client, connect};
use crate::days::{DayDefault, ScopeFlags};
use crate::error::Result;
use crate::settings::Settings;
use crate::trusted_keys;

/// Freeze days, and hours of them, for a download; the default is the current UTC day
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail session create -s 2026-11-01 -e 2026-11-07\n  \
    id=$(atrail session create -q --day yesterday -T 8-17)\n  \
    atrail session create --day last-month && atrail download -o last-month.json.gz -",
    mut_arg("start", |arg| arg.help(crate::days::START_HELP_ONE_DAY))
)]
pub(crate) struct Args {
    #[command(flatten)]
    scope: ScopeFlags,
    /// An earlier receipt: the session's receipt then proves that the logs have only grown since
    #[arg(long, value_name = "RECEIPT")]
    since: Option<PathBuf>,
}

/// Creates a session and prints it; with `-q`, only its id.
pub(super) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let now = settings.now();
    let days = args.scope.days.resolve(DayDefault::OneDay, now)?;
    let earlier = args.since.as_deref().map(Since::read).transpose()?;
    let client = connect(settings, !args.scope.at_account_level).await?;
    let session = create(settings, &client, &args.scope, days, earlier.as_ref()).await?;
    // The session is made; a state that cannot be written only costs its short name.
    if let Err(error) = settings.remember_session(&session.id) {
        let note = format!("warning: `-` does not name this session: {error}");
        settings.printer.note(&note);
    }
    if settings.printer.quiet {
        let id = super::super::checked_id(&session.id)?;
        return settings.printer.data(&format!("{id}\n"));
    }
    super::one::print(settings, &client, &session).await
}

/// Creates a session of these days. Its receipt proves that the logs have only grown since the earlier receipt, or else
/// since what this client remembers.
pub(crate) async fn create(
    settings: &Settings,
    client: &Client,
    scope: &ScopeFlags,
    days: DayRange,
    earlier: Option<&Since>,
) -> Result<Session> {
    let space = client.target.space.as_ref();
    let own = space.map(|space| format!("space-{}", space.guid));
    let is_in_scope = |domain: &str| scope.at_account_level || own.as_deref() == Some(domain);
    let mut since = trusted_keys::remembered_sizes(settings, is_in_scope)?;
    let earlier = earlier.into_iter().flat_map(|earlier| &earlier.sizes);
    since.extend(
        earlier
            .filter(|(domain, _)| is_in_scope(domain))
            .map(|(domain, size)| (domain.clone(), *size)),
    );
    let request = SessionRequest {
        start: Some(days.start().to_string()),
        end: Some(days.end().to_string()),
        at_account_level: scope.at_account_level.then_some(true),
        search_time: scope.search_time.map(|hours| hours.to_string()),
        since,
    };
    let call = Call::post_with_key(paths::SESSIONS).json(&request)?;
    client.json(call).await
}
