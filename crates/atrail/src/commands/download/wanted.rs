//! The wanted events, and the session that provides them.

use std::sync::Arc;

use atrail_api::Session;
use atrail_evidence::{Expectations, HourRange, ScopeOf};
use atrail_model::{DayRange, Hours, SessionId};

use crate::client::Client;
use crate::commands::session::Since;
use crate::commands::{checked_id, session};
use crate::days::ScopeFlags;
use crate::download::{Plan, ScopeRecord};
use crate::error::{CliError, Result};
use crate::settings::Settings;

/// The wanted events.
#[derive(Debug)]
pub(super) enum Wanted {
    /// An existing session.
    Session(SessionId),
    /// Days, by a session that the download makes and ends, and the earlier receipt whose history it continues.
    Scope(ScopeFlags, DayRange, Option<Since>),
}

impl Wanted {
    /// Returns the scope that the command line asks for, which the receipt must match.
    pub(super) fn asked(&self, client: &Client) -> Expectations {
        let Self::Scope(flags, days, since) = self else {
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
            since: since.as_ref().map(|since| since.text.clone()),
            ..Expectations::default()
        }
    }

    /// Returns the entry in `FILE.part.json` for a session that the download makes.
    pub(super) fn record(&self, client: &Client) -> Option<ScopeRecord> {
        let Self::Scope(flags, days, since) = self else {
            return None;
        };
        let space = client.target.space.as_ref();
        Some(ScopeRecord {
            start: days.start().to_string(),
            end: days.end().to_string(),
            search_time: flags.search_time.map(|hours| hours.to_string()),
            at_account_level: flags.at_account_level,
            space: space.map(|space| space.guid.clone()).unwrap_or_default(),
            since: since
                .as_ref()
                .map(|since| since.sizes.clone())
                .unwrap_or_default(),
        })
    }

    /// Returns the session: the given one, or a new one.
    pub(super) async fn session(&self, settings: &Settings, client: &Client) -> Result<Session> {
        match self {
            Self::Session(id) => session::fetch(client, *id).await,
            Self::Scope(flags, days, since) => {
                session::create(settings, client, flags, *days, since.as_ref()).await
            }
        }
    }
}

/// Fetches the session's manifest, and checks that the two agree.
pub(super) async fn plan(client: &Client, session: &Session) -> Result<Arc<Plan>> {
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

pub(super) fn id_of(session: &Session) -> Result<SessionId> {
    checked_id(&session.id)
}

/// Ends a session that was made for this download. The bytes are complete by then, so a failure is only a warning.
pub(super) async fn end_own_session(settings: &Settings, client: &Client, id: SessionId) {
    if let Err(error) = session::end(client, id).await {
        settings.printer.warn(&format!(
            "warning: session {id} could not be deleted; it will expire ({error})"
        ));
    }
}
