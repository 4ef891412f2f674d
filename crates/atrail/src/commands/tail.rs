//! `atrail tail`: prints events as the server acknowledges them.

mod earlier;
mod event;
mod wire;

use std::time::Duration;

use atrail_api::{ErrorCode, TailQuery, paths};

use super::search::parsed;
use crate::client::{
    Backoff, Call, Client, Unsent, connect, explain, is_busy, jitter, retry_after,
};
use crate::error::{CliError, Exit, Result};
use crate::printer::Format;
use crate::settings::Settings;
use crate::when::When;
use earlier::{Printed, print_earlier};
use wire::{Item, Items};

/// Print events as they are acknowledged, until Ctrl-C
///
/// At a terminal a line for each event, otherwise the events themselves, as they are stored. After a cut the command
/// connects again and continues behind the last event; what it missed, it reports on standard error.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail tail\n  atrail tail 'outcome:failure action:delete*' -a\n  \
    atrail tail --since today | jq .action"
)]
pub(crate) struct Args {
    /// Only events that match; docs/SEARCH.md has the language
    #[arg(value_name = "QUERY")]
    query: Option<String>,
    /// The whole account: its own domain and every space
    #[arg(short = 'a', long)]
    at_account_level: bool,
    /// Begin with the events since then: a day (YYYY-MM-DD, today, yesterday, 7d), a time (2026-11-20T14:30:00Z), or 2h
    /// or 30m (ago); UTC
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
}

/// Follows until the user or the server ends it.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let as_lines = match settings.printer.format {
        Format::Table => !settings.printer.terminals.stdout,
        Format::Jsonl => true,
        Format::Json | Format::Csv => {
            return Err(CliError::usage(
                "a tail prints lines: --format table or jsonl",
            ));
        }
    };
    if let Some(query) = &args.query {
        parsed(query)?;
    }
    let since = args.since.map(|since| since.as_start(settings.now()));
    let since = since.transpose()?;
    let client = connect(settings, !args.at_account_level).await?;
    let mut following = Following {
        settings,
        client: &client,
        query: TailQuery {
            query: args.query.clone(),
            at_account_level: args.at_account_level.then_some(true),
            after: None,
        },
        printed: Printed::default(),
        as_lines,
        backoff: Backoff::new(u32::MAX),
        was_connected: false,
    };
    if let Some(since) = since {
        // The place where the tail continues is fixed before the search, so that no event falls between the two.
        following.query.after = Some(following.begin().await?);
        let query = following.query.clone();
        following.printed =
            print_earlier(settings, &client, &query, since.text(), as_lines).await?;
    }
    following.follow().await
}

/// A tail that continues over cuts.
struct Following<'a> {
    settings: &'a Settings,
    client: &'a Client,
    query: TailQuery,
    /// Events that were printed already, and may come once more.
    printed: Printed,
    as_lines: bool,
    backoff: Backoff,
    was_connected: bool,
}

/// How one connection ended.
enum Cut {
    /// It is worthwhile to connect again, for this reason.
    Again(CliError, Option<Duration>),
    /// It is not.
    Fatal(CliError),
}

impl Following<'_> {
    /// Returns the position of the present.
    async fn begin(&self) -> Result<String> {
        let call = Call::post(paths::TAIL).json(&self.query)?;
        let answer = self.client.stream(&call).await;
        let mut response = answer.map_err(|unsent| self.unsent(unsent))?;
        if !response.status().is_success() {
            return Err(explain(response).await);
        }
        let mut items = Items::default();
        while let Ok(Some(bytes)) = response.chunk().await {
            items.push(&bytes);
            if let Some(Item::Start { position }) = items.next()? {
                return Ok(position);
            }
        }
        Err(CliError::new(
            Exit::Unavailable,
            "the server ended the tail before it began",
        ))
    }

    async fn follow(&mut self) -> Result<()> {
        loop {
            let (error, asked) = match self.connection().await {
                Cut::Fatal(error) => return Err(error),
                Cut::Again(error, asked) => (error, asked),
            };
            // Before the first connection, another attempt helps as little as with any other command.
            if !self.was_connected {
                return Err(error);
            }
            let pause = self.backoff.next(asked, jitter());
            let pause = pause.unwrap_or(Duration::from_secs(10));
            self.settings.printer.note(&format!(
                "the connection ended: {}; connecting again",
                error.report().lines().next().unwrap_or_default()
            ));
            tokio::time::sleep(pause).await;
        }
    }

    /// Prints what one connection brings, and returns why it ended.
    async fn connection(&mut self) -> Cut {
        match self.try_connection().await {
            Ok(cut) => cut,
            Err(error) => Cut::Fatal(error),
        }
    }

    async fn try_connection(&mut self) -> Result<Cut> {
        let call = Call::post(paths::TAIL).json(&self.query)?;
        let mut response = match self.client.stream(&call).await {
            Ok(response) => response,
            Err(Unsent::Network(error)) => {
                return Ok(Cut::Again(self.client.unreachable(&error), None));
            }
            Err(Unsent::Fatal(error)) => return Err(error),
        };
        let status = response.status();
        if !status.is_success() {
            let asked = retry_after(response.headers());
            let error = explain(response).await;
            return Ok(if is_busy(status) {
                Cut::Again(error, asked)
            } else {
                Cut::Fatal(error)
            });
        }
        let mut items = Items::default();
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(Cut::Again(ended("the server ended the tail"), None)),
                Err(error) => return Ok(Cut::Again(self.client.unreachable(&error), None)),
            };
            self.was_connected = true;
            self.backoff.reset();
            items.push(&chunk);
            while let Some(item) = items.next()? {
                if let Some(cut) = self.take(item)? {
                    return Ok(cut);
                }
            }
        }
    }

    fn take(&mut self, item: Item) -> Result<Option<Cut>> {
        match item {
            Item::Start { position } => self.query.after = Some(position),
            // No tail has it.
            Item::Found(_) => {}
            // Everything from before the connection has come.
            Item::Blank => self.printed = Printed::default(),
            Item::Missed(missed) => {
                let from = missed
                    .from
                    .map_or_else(String::new, |from| format!(" after {from} and"));
                self.settings.printer.warn(&format!(
                    "warning: events that were acknowledged{from} up to {} are not shown: they came faster than they were read, \
                     or while nothing was connected; `atrail search -s` finds them",
                    missed.to
                ));
            }
            Item::End(end) => {
                let error = |exit| CliError::new(exit, end.detail.clone());
                return Ok(Some(match end.code {
                    ErrorCode::Unavailable => Cut::Again(error(Exit::Unavailable), None),
                    ErrorCode::Forbidden | ErrorCode::Unauthenticated => {
                        Cut::Fatal(error(Exit::Denied))
                    }
                    _ => Cut::Fatal(error(Exit::Failed)),
                }));
            }
            Item::Event {
                leaf,
                position,
                line,
            } => {
                if !self.printed.has(&leaf) {
                    event::print(self.settings, &line, self.as_lines)?;
                }
                self.query.after = position.or(self.query.after.take());
            }
        }
        Ok(None)
    }

    fn unsent(&self, unsent: Unsent) -> CliError {
        match unsent {
            Unsent::Network(error) => self.client.unreachable(&error),
            Unsent::Fatal(error) => error,
        }
    }
}

fn ended(why: &str) -> CliError {
    CliError::new(Exit::Unavailable, why)
}
