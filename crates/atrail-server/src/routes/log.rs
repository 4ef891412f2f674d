//! The entries of the signed logs.

use std::sync::Arc;

use atrail_api::{LogCheckpoint, LogEntry, LogQuery};
use atrail_store::{Listed, ListedLog, LogKinds, StoreError};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use crate::app::App;
use crate::audit::{Act, Action};
use crate::auth::access::{Aimed, Authorised, ReadEvents};
use crate::auth::watch::{Ended, Watch};
use crate::error::ApiError;
use crate::extract::BodyOrQuery;
use crate::ingest::budget::Sender;
use crate::serve::served::Served;

/// Memory of a list while its client reads slowly.
const LIST_BYTES: usize = 4 << 20;
/// The kinds that are listed by default.
const DEFAULT_KINDS: &str = "delete,policy,hold,key";

impl Aimed for BodyOrQuery<LogQuery> {
    fn at_account_level(&self) -> bool {
        self.0.at_account_level.unwrap_or(false)
    }
}

/// Lists the entries of the logs in scope, of each log after its checkpoint.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Authorised {
        principal,
        target,
        wire: BodyOrQuery(query),
        ..
    }: Authorised<ReadEvents, BodyOrQuery<LogQuery>>,
) -> Result<Response, ApiError> {
    let text = query.kinds.as_deref().unwrap_or(DEFAULT_KINDS);
    let kinds = kinds_of(text)?;
    let sender = Sender::of(&app, &principal, target).await?;
    let mut share = app.ingest_budget.share_of(sender);
    share.begin(LIST_BYTES).await?;
    let logs = app.store.logs(target).await?;
    let act = Act::new(Action::ReadLog, principal.actor(), target.domain());
    app.audit.read_this(act.with("kinds", text)).await?;
    let mut listing = Listing {
        watch: Watch::new(&app, &principal, target),
        app,
        kinds,
        logs: logs.into_iter(),
        now: None,
    };
    // The first part can still be answered with an error.
    let first = listing.next().await.map_err(|cut| match cut {
        Cut::Store(error) => ApiError::from(error),
        Cut::Ended(ended) => ended.into(),
    })?;
    let rest = stream::try_unfold(listing, |mut listing| async {
        let next = listing.next().await?;
        Ok(next.map(|part| (part, listing)))
    });
    let parts = stream::iter(first.map(Ok)).chain(rest);
    let body = Body::from_stream(parts.inspect_err(|cut: &Cut| {
        tracing::error!(
            error = cut as &dyn std::error::Error,
            "a list of log entries broke off"
        );
    }));
    let body = Body::new(Served::new(body, share));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

fn kinds_of(text: &str) -> Result<LogKinds, ApiError> {
    let mut kinds = LogKinds::default();
    for word in text.split(',') {
        match word.trim() {
            "delete" => kinds.deletions = true,
            "policy" => kinds.policies = true,
            "hold" => kinds.holds = true,
            "key" => kinds.keys = true,
            "space" => kinds.spaces = true,
            "seal" => kinds.seals = true,
            other => {
                return Err(ApiError::bad_request(format!(
                    "kinds has {other:?}: it is a list, with commas, of delete, policy, hold, key, space and seal"
                )));
            }
        }
    }
    Ok(kinds)
}

/// Why the server cut a list that it had begun.
#[derive(Debug, thiserror::Error)]
enum Cut {
    /// The store cannot read the log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reader may not continue.
    #[error(transparent)]
    Ended(#[from] Ended),
}

/// A list that is being sent.
struct Listing {
    app: Arc<App>,
    watch: Watch,
    kinds: LogKinds,
    logs: std::vec::IntoIter<ListedLog>,
    /// The log that is being listed, and the index from which on.
    now: Option<(ListedLog, u64)>,
}

impl Listing {
    async fn next(&mut self) -> Result<Option<Bytes>, Cut> {
        loop {
            self.watch.allow().await?;
            let mut text = Vec::new();
            let (log, from) = match self.now.take() {
                Some(now) => now,
                None => match self.logs.next() {
                    Some(log) => {
                        write(&mut text, &checkpoint(&log));
                        (log, 0)
                    }
                    None => return Ok(None),
                },
            };
            let part = self.app.store.log_entries(&log, from, self.kinds);
            let (entries, next) = part.await?;
            for one in entries {
                write(&mut text, &entry(&log, one));
            }
            self.now = next.map(|next| (log, next));
            if !text.is_empty() {
                return Ok(Some(text.into()));
            }
        }
    }
}

fn write(text: &mut Vec<u8>, line: &impl Serialize) {
    // Writing to memory, of texts and numbers, does not fail.
    let _ = serde_json::to_writer(&mut *text, line);
    text.push(b'\n');
}

fn checkpoint(log: &ListedLog) -> LogCheckpoint {
    LogCheckpoint {
        domain: log.domain.to_string(),
        size: log.size,
        checkpoint: log.checkpoint.clone(),
    }
}

fn entry(log: &ListedLog, listed: Listed) -> LogEntry {
    let Listed {
        index,
        day,
        position,
        time,
        kind,
        entry,
    } = listed;
    LogEntry {
        domain: log.domain.to_string(),
        index,
        list: day.map_or_else(
            || atrail_evidence::CONTROL.to_owned(),
            |day| day.to_string(),
        ),
        position,
        time,
        kind,
        entry,
    }
}
